// The ledger's model, after TigerBeetle's: accounts with posted debits and credits, and transfers between two of them.
// A transfer's id is derived from what caused it, so applying it twice changes nothing. `judge_transfer` is the one
// decision every ledger store asks. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/ledgers.h"
#include "core/money.h"
#include "core/voucher.h"

namespace hongbao {

// "user:<id>", "escrow:<shard>", "channel:<name>" or "due:<ledger>". Users' wallets and escrows must not go negative; a
// channel does, by all the money that came in through it, and what is due to another ledger may have either sign.
class AccountId {
 public:
  static AccountId user(const UserId& user) { return AccountId(std::string(kUser) + user.text()); }
  static AccountId escrow(ShardId shard) { return AccountId("escrow:" + to_text(shard)); }
  static AccountId channel(std::string_view name) { return AccountId("channel:" + std::string(name)); }
  static AccountId due(LedgerId ledger) { return AccountId(std::string(kDue) + to_text(ledger)); }
  // REQUIRES: `text` was an AccountId before (read back from a store).
  static AccountId trusted(std::string text) { return AccountId(std::move(text)); }

  AccountId() = default;
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_user() const { return text_.starts_with(kUser); }
  // REQUIRES: is_user().
  [[nodiscard]] UserId owner() const { return UserId::trusted(text_.substr(kUser.size())); }
  // Of "due:" accounts, the ledger; nullopt for others.
  [[nodiscard]] std::optional<LedgerId> creditor() const {
    return text_.starts_with(kDue) ? parse_ledger_id(std::string_view(text_).substr(kDue.size())) : std::nullopt;
  }
  [[nodiscard]] bool is_escrow() const { return text_.starts_with("escrow:"); }
  [[nodiscard]] bool may_go_negative() const { return text_.starts_with("channel:") || text_.starts_with(kDue); }
  friend auto operator<=>(const AccountId&, const AccountId&) = default;

 private:
  static constexpr std::string_view kUser = "user:";
  static constexpr std::string_view kDue = "due:";

  explicit AccountId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct Account {
  AccountId id;
  Money debits_posted;
  Money credits_posted;
  bool frozen = false;

  [[nodiscard]] Money balance() const { return credits_posted - debits_posted; }
};

// Of what an account's debits, and its credits, come to: a million billion yuan, far from where numbers end.
inline constexpr Money kPostedMax{100'000'000'000'000'000};

enum class TransferKind : uint8_t {
  kDeposit = 1,   // channel → user
  kPaid = 2,      // user or channel → escrow
  kOpened = 3,    // escrow → user
  kRefunded = 4,  // escrow → sender; what is between two ledgers stands for either side
  kReturned = 5,  // a payment the other way round: its packet stands on another ledger's
};
std::string_view to_text(TransferKind kind);

struct Transfer {
  std::string id;
  AccountId debit;
  AccountId credit;
  Money amount;
  TransferKind kind = TransferKind::kDeposit;
  std::optional<PacketKey> packet{};
  Timestamp at;  // when it was caused; not part of its identity

  [[nodiscard]] bool same_content(const Transfer& other) const {
    return debit == other.debit && credit == other.credit && amount == other.amount && kind == other.kind &&
           packet == other.packet;
  }
};

// The ids of transfers, by cause: deposit:<user>:<key>, pay:<packet id>, channel:<channel>:<payment id>,
// voucher:<shard>:<number, 12 digits> and return:<the payment's>.
std::string deposit_transfer_id(const UserId& user, std::string_view key);
std::string wallet_payment_transfer_id(std::string_view packet_id);
std::string channel_payment_transfer_id(std::string_view channel, std::string_view payment_id);
std::string voucher_transfer_id(ShardId shard, VoucherNo no);
// Of what gives a payment back.
std::string return_transfer_id(std::string_view payment);

// What a voucher does in one ledger. Of `paid` the money moved before it was written, in the ledger that it was paid
// in, and arrives in the escrow's ledger now; of the others it goes from the escrow to the user's wallet, by what the
// two ledgers owe each other when these are apart.
struct VoucherEffect {
  std::optional<Transfer> transfer{};
  bool ends_pending = false;  // of the payment for the packet
};
// REQUIRES: the ledgers that it names are there.
VoucherEffect effect_of(const Voucher& voucher, const LedgerPlace& place);
bool names_ledgers_of(const Voucher& voucher, const Ledgers& all);

enum class TransferVerdict : uint8_t {
  kPosted = 1,
  kDuplicate = 2,     // the same transfer was posted before
  kIdReused = 3,      // another transfer has this id
  kInsufficient = 4,  // the debited account would go negative
  kFrozen = 5,        // one of its accounts is frozen
  kTooMuch = 6,       // one of its accounts would pass kPostedMax
};

// `posted`: the transfer that has this id already, if any.
// REQUIRES: amount ≥ 1, debit ≠ credit, the accounts are those the transfer names.
TransferVerdict judge_transfer(const Transfer& transfer, const Account& debit, const Account& credit,
                               const std::optional<Transfer>& posted);

}  // namespace hongbao

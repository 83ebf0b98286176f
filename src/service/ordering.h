// Sending and paying. A send makes a pre-order in the cache. A payment moves the money into the shard's escrow first
// and then activates the packet; a crash between the two is mended by reconciliation, which repeats the activation. Any
// thread; callbacks run inline, on the ledger writer's or a shard's writer thread.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "core/packet_id.h"
#include "ports/control.h"
#include "service/frozen_accounts.h"
#include "service/give_back.h"
#include "service/ownership.h"
#include "service/pre_orders.h"
#include "service/shard_set.h"

namespace hongbao {

struct OrderingOptions {
  std::chrono::milliseconds payable{};  // from sending to the last moment of payment
};

enum class PaymentOutcome : uint8_t {
  kPaid,              // the packet is active, or was
  kCreditedToWallet,  // it came too late, or twice for a packet or a send: the sender has the money in the wallet again
};

// An order with the pay token that it was sealed in. Whoever pays shows the token, and it is unsealed once, where the
// call came in.
struct SealedOrder {
  Order order;
  std::string pay_token;
};

struct ChannelPayment {
  std::string channel;
  std::string payment_id;
  Money amount;
  SealedOrder ordered;
};

struct PaidPacket {
  PacketKey packet;
  PaymentOutcome outcome = PaymentOutcome::kPaid;
  // Credited: what was ordered. The packet itself may be known nowhere, when another one of its send was paid.
  std::optional<PreOrder> ordered{};
};

class Ordering {
 public:
  Ordering(const ShardSet& shards, PreOrders& pre_orders, const LedgerSet& ledgers, const FrozenAccounts& frozen,
           const PayTokenCodec& pay_tokens, const PacketIdCodec& ids, const Control& control, const Clock& clock,
           Random& random, const Ownership& ownership, OrderingOptions options)
      : shards_(shards),
        pre_orders_(pre_orders),
        ledgers_(ledgers),
        frozen_(frozen),
        pay_tokens_(pay_tokens),
        ids_(ids),
        control_(control),
        clock_(clock),
        random_(random),
        ownership_(ownership),
        options_(options) {}

  // The shard that a new packet goes to, of those that take orders: the same for the same sender and key. kUnavailable
  // when there is none.
  [[nodiscard]] Result<ShardId> choose(const UserId& sender, std::string_view idempotency_key) const;

  // The order that a pay token is. kPayTokenInvalid.
  [[nodiscard]] Result<SealedOrder> unseal(std::string pay_token) const;

  // A new order in `shard`. REQUIRES: check_send_request(request). Errors: kSwitchedOff, kAccountFrozen,
  // kNotInGroup, kIdempotencyKeyReused, kUnavailable, kFenced.
  void send(ShardId shard, const Asker& sender, std::string_view idempotency_key, const SendRequest& request,
            Done<PreOrder> done);

  // From the sender's wallet. Errors: kPayTokenInvalid, kPayTokenExpired, kForbidden, kInsufficientFunds,
  // kAccountFrozen, kAlreadySent (another packet of this idempotency key was paid, and is named), kTransferIdReused
  // (another order was paid under this packet's id), and those of LedgerCommitter::post; kOutcomeUnknown also when the
  // money has moved but the shard did not activate. After one of the latter, pay again: it is idempotent.
  void pay(const UserId& user, const PacketKey& packet, const SealedOrder& ordered, SteadyTime deadline,
           Done<PaidPacket> done);

  // The channel has the money already and signed for it. Errors: kPayTokenInvalid, kAmountMismatch, kPaymentIdReused,
  // kAccountFrozen, and as for `pay`.
  void accept(const ChannelPayment& payment, SteadyTime deadline, Done<PaidPacket> done);

 private:
  Result<PreOrder> new_pre_order(ShardId shard, const Asker& sender, std::string_view idempotency_key,
                                 const SendRequest& request);
  // A payment, and the ledger that it was posted in, or would have been.
  struct Payment {
    Ledger* in;
    Transfer transfer;
  };
  [[nodiscard]] Payment wallet_payment_of(const Order& order, Ledger& wallet) const;
  void debit_wallet(const SealedOrder& ordered, Ledger& wallet, SteadyTime deadline, Done<PaidPacket> done);
  void activate_if_known(const Order& order, Ledger& wallet, SteadyTime deadline, Done<PaidPacket> done);
  void activate_if_paid(const Order& order, Ledger& wallet, SteadyTime deadline, Done<PaidPacket> done);
  void activate(const Order& order, const Payment& payment, SteadyTime deadline, Done<PaidPacket> done);
  void return_payment(const Order& order, const Payment& payment, const PaidPacket& told, SteadyTime deadline,
                      Done<PaidPacket> done);
  [[nodiscard]] std::unexpected<Error> already_sent(const PacketKey& first) const;
  void credit_sender(const ChannelPayment& payment, const Transfer& made, SteadyTime deadline, Done<PaidPacket> done);

  const ShardSet& shards_;
  PreOrders& pre_orders_;
  const LedgerSet& ledgers_;
  const FrozenAccounts& frozen_;
  const PayTokenCodec& pay_tokens_;
  const PacketIdCodec& ids_;
  const Control& control_;
  const Clock& clock_;
  Random& random_;
  const Ownership& ownership_;
  const OrderingOptions options_;
};

}  // namespace hongbao

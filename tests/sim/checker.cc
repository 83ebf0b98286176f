#include "sim/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/limits.h"
#include "sim/reference_split.h"

namespace hongbao::sim {
namespace {

constexpr size_t kAll = 1'000'000;

std::string name_of(const PacketKey& key) {
  return fmt::format("packet {}/{}/{}", to_text(key.shard), key.day.yymmdd(), key.local.value);
}

}  // namespace

Checker::Checker(Environment& env, Engines& engines, const Record& record, const std::vector<UserId>& users)
    : env_(env), engines_(engines), record_(record), users_(users) {}

void Checker::expect(bool holds, std::string_view rule, const std::string& where) {
  if (!holds) {
    env_.violation(fmt::format("{}: {}", where, rule));
  }
}

const StoredPacket* Checker::stored(const PacketKey& key) const {
  const auto found = packets_.find(key);
  return found == packets_.end() ? nullptr : &found->second;
}

void Checker::check() {
  for (const auto& [id, store] : engines_.order_stores) {
    check_shard(store->stored());
  }
  std::set<PacketKey> told;
  for (const PacketRecord& packet : record_.packets) {
    check_told(packet, stored(packet.key));
    told.insert(packet.key);
  }
  check_sends();
  for (const auto& [key, packet] : packets_) {
    expect(told.contains(key), "a packet is stored that nobody was told of", name_of(key));
  }
  for (const UserId& user : users_) {
    check_wallet(user);
    check_inbox(user);
    check_years(user);
  }
}

void Checker::check_shard(OrderStore& store) {
  const std::vector<Voucher> log = store.read_log(VoucherNo{1}, kAll).value();
  std::map<PacketKey, std::vector<Voucher>> by_packet;
  for (const Voucher& voucher : log) {
    by_packet[voucher.packet].push_back(voucher);
  }
  for (const auto& [key, vouchers] : by_packet) {
    const auto packet = store.load(key).value();
    expect(packet.has_value(), "vouchers without a packet", name_of(key));
    if (packet) {
      packets_.emplace(key, *packet);
      check_packet(*packet, vouchers);
    }
  }
}

void Checker::check_packet(const StoredPacket& packet, const std::vector<Voucher>& log) {
  const std::string where = name_of(packet.order.key);
  Money paid;
  Money gone;
  bool refunded = false;
  std::set<UserId> takers;
  for (const Voucher& voucher : log) {
    if (voucher.kind == VoucherKind::kPaid) {
      expect(paid == Money(0), "paid twice", where);
      paid += voucher.amount;
      paid_.emplace(voucher.packet, voucher);
      continue;
    }
    expect(paid == packet.order.total, "money leaves before all of it came", where);
    expect(!refunded, "something happens after the refund", where);
    gone += voucher.amount;
    if (voucher.kind == VoucherKind::kRefunded) {
      refunded = true;
      expect(voucher.at >= packet.order.expires_at, "refunded before its expiry", where);
      expect(voucher.user == packet.order.sender, "refunded to somebody else", where);
    } else {
      expect(takers.insert(voucher.user).second, "a user has two shares", where);
      expect(voucher.at < packet.order.expires_at, "opened after its expiry", where);
    }
  }
  expect(gone == paid, "opened + refunded = total", where);
  expect(packet.refunded.has_value() == refunded, "row and log disagree about the refund", where);
  check_shares(packet);
}

void Checker::check_shares(const StoredPacket& packet) {
  const std::string where = name_of(packet.order.key);
  expect(packet.opened.size() <= packet.order.count, "more shares than its count", where);
  const std::vector<int64_t> reference = reference_split(packet.order);
  for (size_t i = 0; i < packet.opened.size() && i < reference.size(); ++i) {
    const Voucher& share = packet.opened[i];
    expect(share.seq == i + 1, "shares are numbered 1…n", where);
    expect(share.amount >= kShareLeast && share.amount <= kShareGreatest, "a share is out of bounds", where);
    expect(share.amount.fen() == reference[i], "a share is not the one its seed gives", where);
  }
}

// Of all packets that somebody got for one idempotency key, one is paid.
void Checker::check_sends() {
  std::map<std::pair<std::string, LedgerId>, int> paid;  // each ledger lets one be paid
  for (const PacketRecord& packet : record_.packets) {
    if (const StoredPacket* found = stored(packet.key); found != nullptr) {
      ++paid[{packet.send_key, found->order.paid_in}];
    }
  }
  for (const auto& [send, packets] : paid) {
    expect(packets <= 1, "two packets of one idempotency key were paid", send.first);
  }
}

bool Checker::is_sent_otherwise(const PacketRecord& told) const {
  return std::ranges::any_of(record_.packets, [&](const PacketRecord& other) {
    return other.send_key == told.send_key && other.key != told.key && stored(other.key) != nullptr;
  });
}

void Checker::check_told(const PacketRecord& told, const StoredPacket* packet) {
  const std::string where = name_of(told.key);
  bool channel_paid = false;
  for (const ChannelPaymentRecord& payment : told.channel_payments) {
    channel_paid = channel_paid || (payment.accepted && !(payment.credited && is_sent_otherwise(told)));
  }
  expect(packet != nullptr || (!told.told_paid && !told.told_returned && !channel_paid),
         "it was told to be paid, and is not stored", where);
  // Then what the wallet paid came second, and was given back.
  const bool stands_on_another =
      packet != nullptr && packet->order.paid_in != engines_.all_ledgers.of(told.sender, Region::kSouth);
  expect(stands_on_another || !(told.told_paid && told.told_returned), "it was told to be paid and to be returned",
         where);
  const auto transfer =
      engines_.ledger_of(told.sender).stored().transfer(wallet_payment_transfer_id(engines_.ids.print(told.key)));
  const Asked& asked = told.wallet_asked;
  expect(!transfer->has_value() || told.told_paid || told.told_returned || asked.in_doubt,
         "the wallet paid, and its owner was told that nothing took effect", where);
  if (packet == nullptr) {
    for (const auto& [user, taker] : told.takers) {
      expect(!taker.share, "a share was told of a packet that is not stored", where);
    }
    return;
  }
  const Order& order = packet->order;
  expect(order.sender == told.sender && order.total == told.request.total && order.count == told.request.count &&
             order.kind == told.request.kind && order.rule == told.request.rule &&
             order.recipient == told.request.recipient,
         "it is not what its sender asked for", where);
  expect(!told.told_paid || order.expires_at > order.paid_at, "it was told to be paid, and was returned", where);
  expect(order.paid_at <= told.payable_until || order.expires_at == order.paid_at,
         "it was paid too late, and its sender did not get the money back", where);
  expect(!told.told_returned || stands_on_another || order.expires_at == order.paid_at,
         "it was told to be returned, and was paid", where);

  std::map<UserId, Voucher> opened;
  for (const Voucher& voucher : packet->opened) {
    opened.emplace(voucher.user, voucher);
    const auto taker = told.takers.find(voucher.user);
    expect(taker != told.takers.end() && taker->second.share,
           "a share is stored that its taker was not told of, or was told that nothing took effect", where);
  }
  for (const auto& [user, taker] : told.takers) {
    const auto voucher = opened.find(user);
    expect(!taker.share || (voucher != opened.end() && voucher->second.no == taker.share->voucher &&
                            voucher->second.amount == taker.share->amount && voucher->second.seq == taker.share->seq &&
                            voucher->second.at == taker.share->opened_at),
           "a share that was told is not stored so", where);
  }
}

// From what was told alone: what the wallet must hold, and which shares it must have been paid, once each.
void Checker::check_wallet(const UserId& user) {
  Money balance;
  std::map<std::string, Money> shares;
  for (const DepositRecord& deposit : record_.deposits) {
    if (deposit.user == user && deposit.accepted) {
      balance += deposit.amount;
    }
  }
  for (const PacketRecord& packet : record_.packets) {
    if (packet.sender == user) {
      for (const ChannelPaymentRecord& payment : packet.channel_payments) {
        balance += payment.accepted ? packet.request.total : Money(0);
      }
    }
    for (const auto& [taker, record] : packet.takers) {
      if (!record.share) {
        continue;
      }
      // Whatever nobody opened is the sender's again, however it was paid.
      balance -= packet.sender == user ? record.share->amount : Money(0);
      if (taker == user) {
        balance += record.share->amount;
        shares.emplace(voucher_transfer_id(packet.key.shard, record.share->voucher), record.share->amount);
      }
    }
  }
  LedgerStore& ledger = engines_.ledger_of(user).stored();
  const Account account = ledger.account(AccountId::user(user)).value();
  expect(account.balance() == balance,
         fmt::format("the wallet holds {}, and by what was told it is {}", account.balance().fen(), balance.fen()),
         user.text());
  const auto transfers = ledger.transfers(AccountId::user(user), kListTop, kAll);
  for (const WalletTransfer& entry : *transfers) {
    if (entry.transfer.kind == TransferKind::kOpened) {
      const auto share = shares.find(entry.transfer.id);
      expect(share != shares.end() && share->second == entry.transfer.amount,
             "a settled share was not told, or settled twice", user.text());
      shares.erase(entry.transfer.id);
    }
  }
  expect(shares.empty(), "a share that was told is not settled", user.text());
}

void Checker::check_inbox(const UserId& user) {
  std::map<PacketKey, Money> sent;
  std::map<PacketKey, Money> received;
  for (const auto& [key, packet] : packets_) {
    if (packet.order.sender == user) {
      sent.emplace(key, packet.refunded ? packet.refunded->amount : Money(0));
    }
    for (const Voucher& share : packet.opened) {
      if (share.user == user) {
        received.emplace(key, share.amount);
      }
    }
  }
  InboxStore& inbox = engines_.inbox.stored();
  const auto sent_page = inbox.sent(user, kListTop, kAll);
  for (const SentEntry& entry : *sent_page) {
    const auto packet = sent.find(entry.packet);
    expect(packet != sent.end() && packet->second == entry.refunded, "the inbox has another packet sent", user.text());
    sent.erase(entry.packet);
  }
  const auto received_page = inbox.received(user, kListTop, kAll);
  for (const ReceivedEntry& entry : *received_page) {
    const auto share = received.find(entry.packet);
    expect(share != received.end() && share->second == entry.amount, "the inbox has another share", user.text());
    received.erase(entry.packet);
  }
  expect(sent.empty() && received.empty(), "the inbox lacks something", user.text());
}

void Checker::check_years(const UserId& user) {
  std::map<int, YearSummary> years;
  for (const auto& [key, packet] : packets_) {
    if (packet.order.sender == user) {
      YearSummary& year = years[Day::of(paid_.at(key).at).year()];
      ++year.sent_count;
      year.sent_total += packet.order.total;
      if (packet.refunded) {
        years[Day::of(packet.refunded->at).year()].refunded_total += packet.refunded->amount;
      }
    }
    for (const Voucher& share : packet.opened) {
      if (share.user == user) {
        YearSummary& year = years[Day::of(share.at).year()];
        ++year.received_count;
        year.received_total += share.amount;
      }
    }
  }
  for (const auto& [number, year] : years) {
    const YearSummary got = engines_.inbox.stored().summary(user, number).value();
    expect(got.sent_count == year.sent_count && got.sent_total == year.sent_total &&
               got.refunded_total == year.refunded_total && got.received_count == year.received_count &&
               got.received_total == year.received_total,
           "the inbox's yearly totals differ", user.text());
  }
}

}  // namespace hongbao::sim

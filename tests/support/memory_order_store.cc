#include "support/memory_order_store.h"

#include <algorithm>

#include "base/check.h"
#include "core/packet_audit.h"

namespace hongbao {

Result<ShardHead> MemoryOrderStore::acquire(const ShardOwner& owner, std::chrono::milliseconds lease) {
  const std::scoped_lock lock(mutex_);
  const bool may_take_it_over = owner.name == owner_.name && owner.incarnation >= owner_.incarnation;
  if (!may_take_it_over && clock_.now() < lease_until_) {
    return fail(ErrorCode::kFenced, "the shard belongs to " + owner_.name);
  }
  ++head_.epoch;
  owner_ = owner;
  lease_ = lease;
  extend_lease();
  return head_;
}

Result<bool> MemoryOrderStore::renew(uint32_t epoch) {
  const std::scoped_lock lock(mutex_);
  if (epoch != head_.epoch) {
    return false;
  }
  extend_lease();
  return true;
}

Result<void> MemoryOrderStore::release(uint32_t epoch) {
  const std::scoped_lock lock(mutex_);
  if (epoch == head_.epoch) {
    lease_until_ = Timestamp();
  }
  return {};
}

CommitOutcome MemoryOrderStore::commit(const CommitBatch& batch) {
  const std::scoped_lock lock(mutex_);
  batch.check(shard_);
  if (batch.epoch != head_.epoch || batch.expected_next != head_.next_voucher) {
    return CommitOutcome::kFenced;
  }
  for (const Order& order : batch.activated) {
    CHECK(order.key.shard == shard_);
    const Packet packet{.order = order, .part = hot_part(order.key.day), .vouchers = {}};
    CHECK(packets_.try_emplace(order.key, packet).second);
  }
  for (const Voucher& voucher : batch.vouchers) {
    append(voucher);
  }
  for (const auto& finished : batch.finished) {
    const auto packet = packets_.find(finished.packet);
    CHECK(packet != packets_.end());
    packet->second.state = finished.state;
  }
  head_.next_voucher = batch.next();
  extend_lease();
  return CommitOutcome::kCommitted;
}

void MemoryOrderStore::append(const Voucher& voucher) {
  CHECK(voucher.no.value == log_.size() + 1);
  CHECK(unique_.emplace(voucher.packet, voucher.kind, voucher.user).second);
  const auto packet = packets_.find(voucher.packet);
  CHECK(packet != packets_.end());
  packet->second.vouchers.push_back(log_.size());
  log_.push_back(voucher);
}

Result<ShardHead> MemoryOrderStore::head() {
  const std::scoped_lock lock(mutex_);
  return head_;
}

Result<ShardTenure> MemoryOrderStore::tenure() {
  const std::scoped_lock lock(mutex_);
  return ShardTenure{head_, owner_.name, std::max(lease_until_ - clock_.now(), std::chrono::milliseconds(0))};
}

Result<std::optional<StoredPacket>> MemoryOrderStore::load(const PacketKey& packet) {
  const std::scoped_lock lock(mutex_);
  const auto found = packets_.find(packet);
  if (found == packets_.end()) {
    return std::nullopt;
  }
  StoredPacket stored{.order = found->second.order, .state = found->second.state, .opened = {}, .refunded = {}};
  for (const size_t place : found->second.vouchers) {
    const Voucher& voucher = log_[place];
    if (voucher.kind == VoucherKind::kOpened) {
      stored.opened.push_back(voucher);
    } else if (voucher.kind == VoucherKind::kRefunded) {
      stored.refunded = voucher;
    }
  }
  std::ranges::sort(stored.opened, {}, &Voucher::seq);
  return stored;
}

Result<std::vector<Voucher>> MemoryOrderStore::read_log(VoucherNo from, size_t vouchers_max) {
  const std::scoped_lock lock(mutex_);
  CHECK(from >= VoucherNo{1});
  const size_t first = std::min<size_t>(from.value - 1, log_.size());
  const size_t count = std::min(vouchers_max, log_.size() - first);
  const auto begin = log_.begin() + static_cast<ptrdiff_t>(first);
  return std::vector<Voucher>(begin, begin + static_cast<ptrdiff_t>(count));
}

Result<std::vector<PacketKey>> MemoryOrderStore::due(Timestamp now, size_t packets_max) {
  const std::scoped_lock lock(mutex_);
  std::vector<const Order*> orders;
  for (const auto& [key, packet] : packets_) {
    if (packet.state == PacketState::kActive && packet.order.expires_at <= now) {
      orders.push_back(&packet.order);
    }
  }
  std::ranges::sort(orders, {},
                    [](const Order* order) { return std::tuple(order->key.day, order->expires_at, order->key.local); });
  orders.resize(std::min(orders.size(), packets_max));
  std::vector<PacketKey> due;
  for (const Order* order : orders) {
    due.push_back(order->key);
  }
  return due;
}

Result<OrderTotals> MemoryOrderStore::totals(VoucherNo since) {
  const std::scoped_lock lock(mutex_);
  OrderTotals totals;
  totals.next_voucher = head_.next_voucher;
  for (const auto& [key, packet] : packets_) {
    ++totals.packets;
    totals.packets_active += packet.state == PacketState::kActive ? 1 : 0;
    totals.packets_total += packet.order.total;
  }
  for (const Voucher& voucher : log_) {
    totals.all.add(voucher.kind, voucher.amount);
    if (voucher.no >= since) {
      totals.unsettled.add(voucher.kind, voucher.amount);
    }
  }
  return totals;
}

Result<std::vector<PacketViolation>> MemoryOrderStore::violations(size_t max) {
  const std::scoped_lock lock(mutex_);
  std::vector<PacketViolation> violations;
  for (const auto& [key, packet] : packets_) {
    if (violations.size() == max) {
      break;
    }
    std::vector<Voucher> vouchers;
    vouchers.reserve(packet.vouchers.size());
    for (const size_t place : packet.vouchers) {
      vouchers.push_back(log_[place]);
    }
    if (auto rule = broken_rule(packet.order, packet.state, vouchers)) {
      violations.push_back({key, std::move(*rule)});
    }
  }
  return violations;
}

Result<std::vector<StoredDay>> MemoryOrderStore::days() {
  const std::scoped_lock lock(mutex_);
  std::map<DayPart, StoredDay> days;
  for (const auto& [key, packet] : packets_) {
    days.try_emplace(packet.part, StoredDay{.part = packet.part});
  }
  for (auto& [part, stored] : days) {
    const DayTotals totals = digest(part);
    const bool cold = cold_.contains(part);
    stored.place = cold ? DayPlace::kCold : DayPlace::kHot;
    stored.totals = cold ? totals : DayTotals{.vouchers = 1, .least = totals.least, .greatest = totals.greatest};
  }
  std::vector<StoredDay> sorted;
  for (auto& [part, stored] : days) {
    sorted.push_back(stored);
  }
  return sorted;
}

Result<bool> MemoryOrderStore::archive(uint32_t epoch, Day day, const GoOn& go_on) {
  const std::scoped_lock lock(mutex_);
  const DayPart part = hot_part(day);
  const auto of_part = [&](const auto& entry) { return entry.second.part == part; };
  if (std::ranges::none_of(packets_, of_part)) {
    return true;
  }
  if (epoch != head_.epoch) {
    return fail(ErrorCode::kFenced, "another owner has the shard");
  }
  const auto active = [&](const auto& entry) { return of_part(entry) && entry.second.state == PacketState::kActive; };
  if (std::ranges::any_of(packets_, active)) {
    return fail(ErrorCode::kUnavailable, "a packet of the day is active");
  }
  if (!go_on()) {
    return false;
  }
  cold_.insert(part);
  return true;
}

DayPart MemoryOrderStore::hot_part(Day day) const {
  DayPart part{day};
  while (cold_.contains(part)) {
    ++part.number;
  }
  return part;
}

DayTotals MemoryOrderStore::digest(DayPart part) const {
  DayDigest digest;
  for (const auto& [key, packet] : packets_) {
    if (packet.part == part) {
      digest.add(PacketRow{packet.order, packet.state});
    }
  }
  for (const Voucher& voucher : log_) {
    if (packets_.at(voucher.packet).part == part) {
      digest.add(voucher);
    }
  }
  return digest.finish();
}

}  // namespace hongbao

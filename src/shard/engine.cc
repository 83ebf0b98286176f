#include "shard/engine.h"

#include <fmt/format.h>

#include "base/check.h"
#include "core/limits.h"

namespace hongbao {

namespace {

// A packet whose payment came too late expired in the moment it was paid.
bool was_returned(const ResidentPacket& packet) {
  return packet.expires_at() == packet.paid_at();
}

Voucher voucher_to_sender(const ResidentPacket& packet, VoucherKind kind, Money amount, Timestamp now) {
  return {.packet = packet.key(),
          .kind = kind,
          .user = packet.sender(),
          .amount = amount,
          .at = now,
          .home = packet.sender_home()};
}

}  // namespace

const PacketKey& packet_of(const Command& command) {
  struct Visitor {
    const PacketKey& operator()(const ActivateCommand& c) const { return c.order.key; }
    const PacketKey& operator()(const OpenCommand& c) const { return c.packet; }
    const PacketKey& operator()(const RefundCommand& c) const { return c.packet; }
    const PacketKey& operator()(const LoadCommand& c) const { return c.packet; }
  };
  return std::visit(Visitor{}, command);
}

void ShardEngine::start(const ShardHead& head) {
  table_.clear();
  ring_.clear();
  resident_bytes_ = 0;
  unpublished_.clear();
  absent_.clear();
  batch_.clear();
  batch_.epoch = head.epoch;
  batch_.expected_next = head.next_voucher;
}

std::optional<ShardAnswer> ShardEngine::decide(const Command& command, Timestamp now) {
  const PacketKey& key = packet_of(command);
  CHECK(key.shard == shard_);
  const auto packet = table_.find(key);
  if (!packet) {
    if (!absent_.contains(key)) {
      return std::nullopt;
    }
    const auto* activation = std::get_if<ActivateCommand>(&command);
    return activation != nullptr ? activate(*activation, now) : ShardAnswer{ShardOutcome::kAbsent};
  }
  packet->used.store(true, std::memory_order_relaxed);
  const size_t bytes_before = packet->bytes();
  ShardAnswer answer;
  if (const auto* opening = std::get_if<OpenCommand>(&command)) {
    answer.open = open(*packet, opening->asker, now);
  } else if (std::holds_alternative<RefundCommand>(command)) {
    answer = refund(*packet, now);
  } else if (const auto* activation = std::get_if<ActivateCommand>(&command)) {
    answer = {was_returned(*packet) ? ShardOutcome::kReturned : ShardOutcome::kDone};
    answer.stands_on_another = packet->paid_in() != activation->paid_in;
  }
  resident_bytes_ += packet->bytes() - bytes_before;
  touched(packet);
  return answer;
}

void ShardEngine::touched(const PacketRef& packet) {
  if (packet->has_unpublished() && (unpublished_.empty() || unpublished_.back() != packet)) {
    unpublished_.push_back(packet);
  }
}

ShardAnswer ShardEngine::activate(const ActivateCommand& command, Timestamp now) {
  const Order& ordered = command.order;
  const bool late = now > ordered.payable_until;
  Order order = ordered;
  order.paid_at = now;
  order.paid_in = command.paid_in;
  order.expires_at = late ? now : now + limits_.packet_ttl;
  CHECK(kShareLeast * order.count <= order.total && order.total <= kShareGreatest * order.count);
  const PacketRef packet(new ResidentPacket(order));
  packet->advance(late ? PacketEvent::kPaidLate : PacketEvent::kPaid);
  batch_.activated.push_back(order);
  Voucher paid = voucher_to_sender(*packet, VoucherKind::kPaid, order.total, now);
  paid.paid_in = command.paid_in;
  write(std::move(paid));
  if (late) {
    batch_.finished.push_back({order.key, packet->state()});
    write(voucher_to_sender(*packet, VoucherKind::kRefunded, order.total, now));
  }
  make_resident(packet);
  touched(packet);
  return {late ? ShardOutcome::kReturned : ShardOutcome::kDone};
}

OpenAnswer ShardEngine::open(ResidentPacket& packet, const Asker& asker, Timestamp now) {
  const UserId& user = asker.user;
  OpenAnswer judged = judge_open({.state = packet.state(),
                                  .expires_at = packet.expires_at(),
                                  .is_for_user = packet.is_for(user),
                                  .is_in_group = packet.is_in_reach_of(asker),
                                  .share = packet.shares().find_appended(user)},
                                 now);
  return judged.outcome == OpenOutcome::kTicket ? draw(packet, asker, now) : judged;
}

OpenAnswer ShardEngine::draw(ResidentPacket& packet, const Asker& taker, Timestamp now) {
  const uint32_t seq = packet.shares().appended() + 1;
  const Money amount = packet.draw_next();
  CHECK(kShareLeast <= amount && amount <= kShareGreatest);
  const VoucherNo no = write({.packet = packet.key(),
                              .kind = VoucherKind::kOpened,
                              .seq = seq,
                              .user = taker.user,
                              .amount = amount,
                              .at = now,
                              .home = taker.home});
  Share share{seq, taker.user, amount, now, no};
  packet.append(share);
  const bool last = seq == packet.count();
  packet.advance(last ? PacketEvent::kLastOpened : PacketEvent::kOpened);
  if (last) {
    CHECK(packet.unclaimed() == Money(0));
    batch_.finished.push_back({packet.key(), packet.state()});
  }
  return {OpenOutcome::kOpened, std::move(share)};
}

ShardAnswer ShardEngine::refund(ResidentPacket& packet, Timestamp now) {
  if (is_finished(packet.state())) {
    return {ShardOutcome::kDone};
  }
  if (now < packet.expires_at()) {
    return {ShardOutcome::kNotDue};
  }
  write(voucher_to_sender(packet, VoucherKind::kRefunded, packet.unclaimed(), now));
  packet.advance(PacketEvent::kExpired);
  batch_.finished.push_back({packet.key(), packet.state()});
  return {ShardOutcome::kDone};
}

VoucherNo ShardEngine::write(Voucher voucher) {
  voucher.no = batch_.next();
  batch_.vouchers.push_back(std::move(voucher));
  return batch_.vouchers.back().no;
}

Result<void> ShardEngine::loaded(const PacketKey& key, const std::optional<StoredPacket>& stored) {
  if (table_.find(key)) {
    return {};
  }
  if (!stored) {
    absent_.insert(key);
    return {};
  }
  CHECK(stored->order.key == key);
  if (const auto rule = broken_rule(*stored)) {
    return fail(ErrorCode::kStorage, fmt::format("the packet's rows contradict each other: {}", *rule));
  }
  while (resident_bytes_ >= limits_.resident_bytes_max) {
    if (!evict_one()) {
      return fail(ErrorCode::kOverloaded, "the shard's memory for packets is in use");
    }
  }
  make_resident(PacketRef(new ResidentPacket(*stored)));
  return {};
}

void ShardEngine::make_resident(const PacketRef& packet) {
  table_.insert(packet);
  ring_.push_back(packet);
  resident_bytes_ += packet->bytes();
}

bool ShardEngine::evict_one() {
  // Two rounds: the first takes every second chance away, the second finds whatever can go at all.
  for (size_t tries = 2 * ring_.size(); tries > 0; --tries) {
    const PacketRef packet = std::move(ring_.front());
    ring_.pop_front();
    const bool busy = packet->has_unpublished() || packet->opens_in_flight.load(std::memory_order_relaxed) > 0;
    if (!packet->used.exchange(false, std::memory_order_relaxed) && !busy) {
      resident_bytes_ -= packet->bytes();
      table_.erase(packet->key());
      return true;
    }
    ring_.push_back(packet);
  }
  return false;
}

void ShardEngine::committed() {
  for (const auto& packet : unpublished_) {
    packet->publish();
  }
  unpublished_.clear();
  absent_.clear();
  batch_.expected_next = batch_.next();
  batch_.clear();
  // Activations are not held back by the limit; make room after them.
  while (resident_bytes_ > limits_.resident_bytes_max && evict_one()) {
  }
}

}  // namespace hongbao

#include "shard/resident_packet.h"

#include "base/check.h"

namespace hongbao {

ResidentPacket::ResidentPacket(Order order)
    : order_(std::move(order)), unclaimed_(order_.total), unpublished_(true), shares_(order_.count) {}

ResidentPacket::ResidentPacket(const StoredPacket& stored)
    : order_(stored.order), state_(stored.state), unclaimed_(stored.order.total), shares_(stored.order.count) {
  for (const Voucher& voucher : stored.opened) {
    append({voucher.seq, voucher.user, voucher.amount, voucher.at, voucher.no});
  }
  if (stored.refunded) {
    CHECK(stored.refunded->amount == unclaimed_);
    refund();
  }
  // The other side of what the engine asserted when it wrote the row.
  CHECK((state_ == PacketState::kExhausted) == (shares_.appended() == order_.count));
  CHECK((state_ == PacketState::kExpired) == stored.refunded.has_value());
  publish();
}

void ResidentPacket::advance(PacketEvent event) {
  const auto next = next_state(state_, event);
  CHECK(next.has_value());
  state_ = *next;
  unpublished_ = true;
}

void ResidentPacket::append(Share share) {
  CHECK(share.amount >= Money(1) && share.amount <= unclaimed_);
  unclaimed_ -= share.amount;
  shares_.append(std::move(share));
  unpublished_ = true;
}

void ResidentPacket::refund() {
  CHECK(unclaimed_ >= Money(1));
  refunded_ = unclaimed_;
  unclaimed_ = Money(0);
  unpublished_ = true;
}

void ResidentPacket::publish() {
  shares_.publish();
  published_refund_.store(refunded_.fen(), std::memory_order_release);
  // Last: whoever sees the packet finished sees all of its shares.
  published_state_.store(state_, std::memory_order_release);
  unpublished_ = false;
}

size_t ResidentPacket::bytes() const {
  return sizeof(*this) + shares_.bytes();
}

}  // namespace hongbao

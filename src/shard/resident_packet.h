// A packet in memory. The shard's writer decides on it ahead of the commit; readers (packet gate, views) see only what
// was committed, through the published side. One writer, many readers, no lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/packet.h"
#include "ports/order_store.h"
#include "shard/share_list.h"

namespace hongbao {

class ResidentPacket {
 public:
  // A packet that is being activated: nothing is published yet, and readers see it as awaiting payment.
  explicit ResidentPacket(Order order);
  // A packet as the store has it: all of it is published.
  explicit ResidentPacket(const StoredPacket& stored);

  [[nodiscard]] const Order& order() const { return order_; }

  // The writer's side.
  [[nodiscard]] PacketState state() const { return state_; }
  [[nodiscard]] Money unclaimed() const { return unclaimed_; }
  [[nodiscard]] const ShareList& shares() const { return shares_; }
  // CHECKs that the transition is in the table.
  void advance(PacketEvent event);
  void append(Share share);
  void refund();  // everything unclaimed
  void publish();
  [[nodiscard]] bool has_unpublished() const { return unpublished_; }
  [[nodiscard]] size_t bytes() const;

  // The published side; any thread.
  [[nodiscard]] PacketState published_state() const { return published_state_.load(std::memory_order_acquire); }
  [[nodiscard]] Money published_refund() const { return Money(published_refund_.load(std::memory_order_acquire)); }

  // Opens of this packet on their way to the store; the packet gate's counter.
  std::atomic<uint32_t> opens_in_flight{0};
  // Set by whoever uses the packet, cleared by eviction's second chance.
  std::atomic<bool> used{true};

 private:
  const Order order_;
  PacketState state_ = PacketState::kAwaitingPayment;
  Money unclaimed_;
  Money refunded_;
  bool unpublished_ = false;
  ShareList shares_;
  std::atomic<PacketState> published_state_{PacketState::kAwaitingPayment};
  std::atomic<int64_t> published_refund_{0};
};

}  // namespace hongbao

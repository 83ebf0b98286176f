// A packet in memory. The shard's writer decides on it ahead of the commit; readers (packet gate, views) see only what
// was committed, through the published side. One writer, many readers, no lock. Kept alive by references
// (PacketRef), so that a reader goes on with what it found while the writer evicts it.
//
// Packed: an open packet of ten shares takes less than 400 bytes with its place in the table (`./run bench memory`).
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/packet.h"
#include "ports/order_store.h"
#include "shard/share_list.h"

namespace hongbao {

class ResidentPacket : public boost::intrusive_ref_counter<ResidentPacket, boost::thread_safe_counter> {
 public:
  // A packet that is being activated: nothing is published yet, and readers see it as awaiting payment.
  explicit ResidentPacket(const Order& order);
  // A packet as the store has it: all of it is published. REQUIRES: broken_rule(stored) finds none.
  explicit ResidentPacket(const StoredPacket& stored);

  // What was ordered; any thread. `order` puts it together anew.
  [[nodiscard]] Order order() const;
  [[nodiscard]] const PacketKey& key() const { return key_; }
  [[nodiscard]] UserId sender() const { return sender_.user(); }
  [[nodiscard]] LedgerId paid_in() const {
    return {static_cast<Region>(paid_in_region_), static_cast<uint8_t>(paid_in_number_)};
  }
  [[nodiscard]] Region sender_home() const { return static_cast<Region>(sender_home_); }
  [[nodiscard]] bool is_for(const UserId& user) const {
    return !audience_ || audience_->recipient.empty() || audience_->recipient == user;
  }
  // It is of no group, or the asker is in its group or sent it.
  [[nodiscard]] bool is_in_reach_of(const Asker& asker) const {
    return !audience_ || audience_->group.empty() || asker.is_in(audience_->group) || is_sent_by(asker.user);
  }
  // As `may_see` of its order.
  [[nodiscard]] bool may_be_seen_by(const Asker& asker) const {
    return !audience_ || (is_in_reach_of(asker) && is_for(asker.user)) || is_sent_by(asker.user);
  }
  [[nodiscard]] bool is_sent_by(const UserId& user) const { return sender_.text() == user.text(); }
  [[nodiscard]] Money total() const { return Money(total_fen_); }
  [[nodiscard]] uint32_t count() const { return shares_.count(); }
  [[nodiscard]] Timestamp paid_at() const { return {static_cast<int64_t>(paid_at_ms_)}; }
  [[nodiscard]] Timestamp expires_at() const { return {static_cast<int64_t>(expires_at_ms_)}; }

  // The writer's side.
  [[nodiscard]] PacketState state() const { return state_; }
  [[nodiscard]] Money unclaimed() const;
  [[nodiscard]] const ShareList& shares() const { return shares_; }
  // Amount of the next share, drawn from the seed. REQUIRES: one is left.
  [[nodiscard]] Money draw_next() const;
  // CHECKs that the transition is in the table, and that a packet which expires has money to send back.
  void advance(PacketEvent event);
  void append(const Share& share);
  void publish();
  [[nodiscard]] bool has_unpublished() const { return unpublished_; }
  // With its place in the packet table and the eviction ring.
  [[nodiscard]] size_t bytes() const;

  // The published side; any thread.
  [[nodiscard]] PacketState published_state() const { return published_state_.load(std::memory_order_acquire); }
  [[nodiscard]] Money published_refund() const;

  // Opens of this packet on their way to the store; the packet gate's counter.
  std::atomic<uint32_t> opens_in_flight{0};
  // Set by whoever uses the packet, cleared by eviction's second chance.
  std::atomic<bool> used{true};

 private:
  bool unpublished_ = false;
  PacketState state_ = PacketState::kAwaitingPayment;
  std::atomic<PacketState> published_state_{PacketState::kAwaitingPayment};

  const uint32_t total_fen_;
  const PacketKey key_;
  const CompactUser sender_;
  // Whom it is for, if not for whoever knows its id.
  struct Audience {
    UserId recipient;  // empty: it is not exclusive
    GroupId group;     // empty: it is of no group
  };
  static std::unique_ptr<const Audience> audience_of(const Order& order);
  const std::unique_ptr<const Audience> audience_;
  const Seed seed_;
  const uint64_t created_at_ms_ : 48;
  const uint64_t kind_ : 8;
  const uint64_t rule_ : 8;
  const uint64_t payable_until_ms_ : 48;
  const uint64_t sender_home_ : 8;
  const uint64_t paid_in_region_ : 8;
  const uint64_t paid_at_ms_ : 48;
  const uint64_t paid_in_number_ : 8;
  const uint64_t expires_at_ms_ : 48;
  ShareList shares_;
};
static_assert(sizeof(ResidentPacket) <= 160);  // a size class of the allocator

// The first rule that a packet breaks which can't be taken into memory: its rows are damaged.
std::optional<std::string_view> broken_rule(const StoredPacket& stored);

using PacketRef = boost::intrusive_ptr<ResidentPacket>;
using ConstPacketRef = boost::intrusive_ptr<const ResidentPacket>;

}  // namespace hongbao

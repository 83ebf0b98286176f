// What a packet looks like: its state, totals and shares. The seed shows only once it is finished. A packet is looked
// for in the shard's memory, then, with several nodes, in the caches of finished packets, and at last in the store:
// only a finished packet can be shown by a node that does not own it. What its user may not see is not there; and
// until the packet is finished its amounts are for its sender and for those who have a share (docs/VERIFICATION.md).
// Any thread; callbacks run inline, on the shard's writer thread, or where the cache runs them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/packet_id.h"
#include "service/finished_packet_cache.h"
#include "service/profiles.h"
#include "service/residency.h"

namespace hongbao {

struct PacketView {
  std::string id;
  Order order;
  PacketState state = PacketState::kAwaitingPayment;
  uint32_t opened_count = 0;
  Money opened_amount;
  Money refunded_amount;
  std::string greeting;
  ProfileRef sender_profile{};
  bool shows_amounts = true;  // false: whoever asked is not told them yet
};

struct SharesPage {
  std::vector<Share> shares;               // by seq
  std::optional<uint32_t> luckiest_seq{};  // once finished: the greatest share, the earliest of equals
  uint32_t next_seq = 0;                   // where the next page begins; 0: there is none
  std::vector<ProfileRef> profiles{};      // of the takers, share by share
};

class Viewing {
 public:
  // `finished`: null when this process owns every shard.
  Viewing(const Residency& residency, PreOrders& pre_orders, FinishedPacketCache* finished, Profiles& profiles,
          const PacketIdCodec& ids)
      : residency_(residency), pre_orders_(pre_orders), finished_(finished), profiles_(profiles), ids_(ids) {}

  // Errors: those of Residency::find but kNotPaid, which is a view in state awaiting_payment.
  void view(const PacketKey& key, const Asker& viewer, SteadyTime deadline, Done<PacketView> done) const;
  // For whoever has just paid it. Errors: as above.
  void show(const PacketKey& key, SteadyTime deadline, Done<PacketView> done) const;

  // Shares from `seq` on, at most `shares_max`. Errors: those of Residency::find; kOpenFirst.
  void shares(const PacketKey& key, const Asker& viewer, uint32_t seq, uint32_t shares_max, SteadyTime deadline,
              Done<SharesPage> done) const;

 private:
  // Where the packet was found: one of the two.
  struct Found {
    Residency::Packet resident{};
    FinishedPacketRef finished{};
    [[nodiscard]] bool may_be_seen_by(const Asker& asker) const {
      return resident ? resident->may_be_seen_by(asker) : may_see(finished->order, asker);
    }
    [[nodiscard]] bool shows_amounts_to(const UserId& user) const;
  };
  void find(const PacketKey& key, SteadyTime deadline, Done<Found> done) const;
  void load(const PacketKey& key, SteadyTime deadline, Done<Found> done) const;
  Found found(Residency::Packet packet) const;
  void refuse_unpaid(const PacketKey& key, const Asker& viewer, Error not_paid, Done<SharesPage> done) const;
  // `viewer`: none, whoever has just paid it.
  void show_to(std::optional<Asker> viewer, const PacketKey& key, SteadyTime deadline, Done<PacketView> done) const;
  void view_pre_order(const PacketKey& key, std::optional<Asker> viewer, Done<PacketView> done) const;
  void name_sender(PacketView view, Done<PacketView> done) const;
  void name_takers(SharesPage page, Done<SharesPage> done) const;

  const Residency& residency_;
  PreOrders& pre_orders_;
  FinishedPacketCache* const finished_;
  Profiles& profiles_;
  const PacketIdCodec& ids_;
};

}  // namespace hongbao

#include "service/viewing.h"

#include <algorithm>

namespace hongbao {
namespace {

PacketView view_of(const ResidentPacket& packet, std::string id) {
  // The state first: whoever reads it as finished sees all shares.
  PacketView view{.id = std::move(id), .order = packet.order(), .state = packet.published_state()};
  view.refunded_amount = packet.published_refund();
  view.opened_count = packet.shares().published();
  view.opened_amount = packet.shares().sum(view.opened_count);
  return view;
}

std::optional<uint32_t> luckiest(const ShareList& shares) {
  std::optional<uint32_t> best;
  for (uint32_t i = 0; i < shares.published(); ++i) {
    if (!best || shares.amount_at(i) > shares.amount_at(*best - 1)) {
      best = i + 1;
    }
  }
  return best;
}

}  // namespace

void Viewing::view(const PacketKey& key, SteadyTime deadline, Done<PacketView> done) const {
  residency_.find(key, deadline, [this, key, done = std::move(done)](Result<Residency::Packet> found) mutable {
    if (!found && found.error().code == ErrorCode::kNotPaid) {
      view_pre_order(key, std::move(done));
      return;
    }
    if (!found) {
      done(std::unexpected(found.error()));
      return;
    }
    auto named = [view = view_of(**found, ids_.print(key)),
                  done = std::move(done)](Result<std::optional<PreOrder>> entry) mutable {
      // The greeting may be lost without harm.
      view.greeting = entry && *entry ? (*entry)->greeting : std::string(kGreetingDefault);
      done(std::move(view));
    };
    pre_orders_.find(key, std::move(named));
  });
}

void Viewing::view_pre_order(const PacketKey& key, Done<PacketView> done) const {
  pre_orders_.find(key, [this, key, done = std::move(done)](Result<std::optional<PreOrder>> found) mutable {
    if (!found || !*found) {
      done(packet_not_found());
      return;
    }
    done(PacketView{.id = ids_.print(key), .order = (*found)->order, .greeting = (*found)->greeting});
  });
}

void Viewing::shares(const PacketKey& key, uint32_t seq, uint32_t shares_max, SteadyTime deadline,
                     Done<SharesPage> done) const {
  residency_.find(key, deadline, [seq, shares_max, done = std::move(done)](Result<Residency::Packet> found) mutable {
    if (!found) {
      done(std::unexpected(found.error()));
      return;
    }
    const ResidentPacket& packet = **found;
    SharesPage page;
    const bool finished = is_finished(packet.published_state());
    const uint32_t published = packet.shares().published();
    const uint32_t end = std::min(published, seq - 1 + shares_max);
    for (uint32_t i = seq - 1; i < end; ++i) {
      page.shares.push_back(packet.shares().at(i));
    }
    page.next_seq = end < published ? end + 1 : 0;
    page.luckiest_seq = finished ? luckiest(packet.shares()) : std::nullopt;
    done(std::move(page));
  });
}

}  // namespace hongbao

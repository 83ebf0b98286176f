#include "service/viewing.h"

#include <algorithm>
#include <numeric>

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

PacketView view_of(const FinishedPacket& packet, std::string id) {
  PacketView view{.id = std::move(id), .order = packet.order, .state = packet.state};
  view.refunded_amount = packet.refunded;
  view.opened_count = static_cast<uint32_t>(packet.shares.size());
  view.opened_amount = std::accumulate(packet.shares.begin(), packet.shares.end(), Money(),
                                       [](Money sum, const Share& share) { return sum + share.amount; });
  return view;
}

// `share_at(i)` for i < count.
template <class ShareAt>
SharesPage page_of(uint32_t count, uint32_t seq, uint32_t shares_max, ShareAt share_at) {
  SharesPage page;
  const uint32_t end = std::min(count, seq - 1 + shares_max);
  for (uint32_t i = seq - 1; i < end; ++i) {
    page.shares.push_back(share_at(i));
  }
  page.next_seq = end < count ? end + 1 : 0;
  return page;
}

SharesPage page_of(const ResidentPacket& packet, uint32_t seq, uint32_t shares_max) {
  const bool finished = is_finished(packet.published_state());  // first, as above
  const ShareList& shares = packet.shares();
  const uint32_t count = shares.published();
  SharesPage page = page_of(count, seq, shares_max, [&](uint32_t i) { return shares.at(i); });
  if (finished && count > 0) {
    page.luckiest_seq = shares.luckiest() + 1;
  }
  return page;
}

SharesPage page_of(const FinishedPacket& packet, uint32_t seq, uint32_t shares_max) {
  SharesPage page = page_of(static_cast<uint32_t>(packet.shares.size()), seq, shares_max,
                            [&](uint32_t i) { return packet.shares[i]; });
  if (!packet.shares.empty()) {  // there are few
    const auto luckiest = std::ranges::max_element(packet.shares, {}, &Share::amount);
    page.luckiest_seq = static_cast<uint32_t>(luckiest - packet.shares.begin()) + 1;
  }
  return page;
}

}  // namespace

void Viewing::find(const PacketKey& key, SteadyTime deadline, Done<Found> done) const {
  if (auto packet = residency_.resident(key)) {
    done(found(std::move(packet)));
    return;
  }
  if (finished_ == nullptr) {
    load(key, deadline, std::move(done));
    return;
  }
  finished_->find(key, [this, key, deadline, done = std::move(done)](FinishedPacketRef packet) mutable {
    if (packet != nullptr) {
      done(Found{.finished = std::move(packet)});
    } else {
      load(key, deadline, std::move(done));
    }
  });
}

void Viewing::load(const PacketKey& key, SteadyTime deadline, Done<Found> done) const {
  residency_.find(key, deadline, [this, done = std::move(done)](Result<Residency::Packet> packet) mutable {
    done(packet ? Result<Found>(found(std::move(*packet))) : std::unexpected(packet.error()));
  });
}

Viewing::Found Viewing::found(Residency::Packet packet) const {
  if (finished_ != nullptr) {
    finished_->keep(*packet);
  }
  return {.resident = std::move(packet)};
}

void Viewing::view(const PacketKey& key, const Asker& viewer, SteadyTime deadline, Done<PacketView> done) const {
  show_to(viewer, key, deadline, std::move(done));
}

void Viewing::show(const PacketKey& key, SteadyTime deadline, Done<PacketView> done) const {
  show_to(std::nullopt, key, deadline, std::move(done));
}

void Viewing::show_to(std::optional<Asker> viewer, const PacketKey& key, SteadyTime deadline,
                      Done<PacketView> done) const {
  find(key, deadline, [this, viewer = std::move(viewer), key, done = std::move(done)](Result<Found> found) mutable {
    if (!found && found.error().code == ErrorCode::kNotPaid) {
      view_pre_order(key, std::move(viewer), std::move(done));
      return;
    }
    if (!found) {
      done(std::unexpected(found.error()));
      return;
    }
    if (viewer && !found->may_be_seen_by(*viewer)) {
      done(packet_not_found());
      return;
    }
    PacketView view =
        found->resident ? view_of(*found->resident, ids_.print(key)) : view_of(*found->finished, ids_.print(key));
    view.shows_amounts = !viewer || is_finished(view.state) || found->shows_amounts_to(viewer->user);
    pre_orders_.greeting(key, [this, view = std::move(view), done = std::move(done)](std::string greeting) mutable {
      view.greeting = std::move(greeting);
      name_sender(std::move(view), std::move(done));
    });
  });
}

// Whoever knew what was drawn so far could wait for the moment that pays.
bool Viewing::Found::shows_amounts_to(const UserId& user) const {
  return !resident || is_finished(resident->published_state()) || resident->is_sent_by(user) ||
         resident->shares().has_published(user);
}

void Viewing::name_sender(PacketView view, Done<PacketView> done) const {
  const UserId sender = view.order.sender;
  profiles_.find(sender, [view = std::move(view), done = std::move(done)](ProfileRef profile) mutable {
    view.sender_profile = std::move(profile);
    done(std::move(view));
  });
}

void Viewing::name_takers(SharesPage page, Done<SharesPage> done) const {
  std::vector<UserId> takers;
  for (const Share& share : page.shares) {
    takers.push_back(share.user);
  }
  profiles_.find_all(takers,
                     [page = std::move(page), done = std::move(done)](std::vector<ProfileRef> profiles) mutable {
                       page.profiles = std::move(profiles);
                       done(std::move(page));
                     });
}

void Viewing::view_pre_order(const PacketKey& key, std::optional<Asker> viewer, Done<PacketView> done) const {
  pre_orders_.find(key, [this, key, viewer = std::move(viewer),
                         done = std::move(done)](Result<std::optional<PreOrder>> found) mutable {
    if (!found || !*found || (viewer && !may_see((*found)->order, *viewer))) {
      done(packet_not_found());
      return;
    }
    name_sender({.id = ids_.print(key),
                 .order = (*found)->order,
                 .greeting = (*found)->greeting,
                 .shows_amounts = !viewer || viewer->user == (*found)->order.sender},
                std::move(done));
  });
}

// That a packet waits for its payment is told to whom may see it.
void Viewing::refuse_unpaid(const PacketKey& key, const Asker& viewer, Error not_paid, Done<SharesPage> done) const {
  pre_orders_.find(key, [viewer, not_paid = std::move(not_paid),
                         done = std::move(done)](Result<std::optional<PreOrder>> found) mutable {
    const bool may = found && *found && may_see((*found)->order, viewer);
    done(may ? std::unexpected(std::move(not_paid)) : packet_not_found());
  });
}

void Viewing::shares(const PacketKey& key, const Asker& viewer, uint32_t seq, uint32_t shares_max, SteadyTime deadline,
                     Done<SharesPage> done) const {
  find(key, deadline, [this, key, viewer, seq, shares_max, done = std::move(done)](Result<Found> found) mutable {
    if (!found && found.error().code == ErrorCode::kNotPaid) {
      refuse_unpaid(key, viewer, std::move(found.error()), std::move(done));
      return;
    }
    if (!found) {
      done(std::unexpected(found.error()));
      return;
    }
    if (!found->may_be_seen_by(viewer)) {
      done(packet_not_found());
      return;
    }
    if (!found->shows_amounts_to(viewer.user)) {
      done(fail(ErrorCode::kOpenFirst, "until it is finished, its shares are for those who have one", "id"));
      return;
    }
    name_takers(
        found->resident ? page_of(*found->resident, seq, shares_max) : page_of(*found->finished, seq, shares_max),
        std::move(done));
  });
}

}  // namespace hongbao

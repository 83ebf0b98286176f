#include "routing/placement.h"

#include <algorithm>

#include "base/log.h"
#include "base/log_rate.h"
#include "core/rendezvous.h"
#include "routing/agreement.h"

namespace hongbao {

prometheus::Counter& add_beats_failed(prometheus::Registry& registry) {
  return add_counter(registry, "hongbao_beats_failed_total", "Beats that a database did not take.");
}

Result<void> Placement::step() {
  View next = view();
  next.reachable.clear();
  for (size_t i = 0; i < groups_.size(); ++i) {
    const auto members = beat(i);
    if (members) {
      assign(groups_[i], *members, next);
      add_reachable(groups_[i], next);
    } else if (members.error().code == ErrorCode::kFenced || members.error().code == ErrorCode::kConfig) {
      leave();
      return std::unexpected(members.error());
    } else {
      if (options_.beats_failed != nullptr) {
        options_.beats_failed->Increment();
      }
      if (const auto left_out = log_turn("beat_failed", to_text(groups_[i].shards.front()))) {
        log_warn("beat_failed",
                 {{"node", options_.self.node}, {"error", members.error().detail}, {"suppressed", *left_out}});
      }
    }
  }
  publish(std::move(next));
  return {};
}

// A node that does not agree is not seen by the others, unless two such come at the same moment; then both see it.
Result<std::vector<Member>> Placement::beat(size_t group) {
  Membership& membership = *groups_[group].membership;
  Member self = options_.self;
  self.facts = groups_[group].facts;
  if (!joined_[group]) {
    const auto members = membership.members();
    const auto agreed = members ? require_agreement(self, *members) : std::unexpected(members.error());
    if (!agreed) {
      return std::unexpected(agreed.error());
    }
  }
  auto members = membership.beat(self, options_.incarnation, options_.lease);
  if (members && !joined_[group]) {
    if (const auto agreed = require_agreement(self, *members); !agreed) {
      return std::unexpected(agreed.error());
    }
    joined_[group] = true;
  }
  return members;
}

void Placement::assign(const Group& group, const std::vector<Member>& members, View& view) const {
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const Member& member : members) {
    names.emplace_back(member.node);
  }
  for (const ShardId shard : group.shards) {
    if (const auto chosen = choose_node(shard, names)) {
      view.owners[shard] = members[*chosen];
    }
  }
}

void Placement::add_reachable(const Group& group, View& view) {
  view.reachable.insert(view.reachable.end(), group.shards.begin(), group.shards.end());
}

void Placement::publish(View view) {
  for (const auto& [shard, owner] : view.owners) {
    shards_.find(shard)->want(is_self(owner));
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [shard, owner] : view.owners) {
    const auto before = view_.owners.find(shard);
    if (before == view_.owners.end() || before->second != owner) {
      log_info("shard_placed", {{"shard", to_text(shard)}, {"node", owner.node}});
    }
  }
  view_ = std::move(view);
}

void Placement::leave() {
  View next;
  for (const Group& group : groups_) {
    // Without a beat: a list of the others, as a node with another name would see it. One that can't be had leaves the
    // owners unknown, and requests wait for a node that knows.
    if (const auto left = group.membership->leave(options_.self.node, options_.incarnation); !left) {
      log_warn("leave_failed", {{"node", options_.self.node}, {"error", left.error().detail}});
      continue;
    }
    const auto members = group.membership->members();
    if (members && !members->empty()) {
      assign(group, *members, next);
      add_reachable(group, next);
    }
  }
  for (const ShardId shard : shards_.ids()) {
    shards_.find(shard)->want(false);
  }
  const std::lock_guard lock(mutex_);
  view_ = std::move(next);
}

Placement::View Placement::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::optional<Member> Placement::owner(ShardId shard) const {
  const std::lock_guard lock(mutex_);
  const auto owner = view_.owners.find(shard);
  return owner == view_.owners.end() ? std::nullopt : std::optional(owner->second);
}

std::vector<ShardId> Placement::taking_orders() const {
  std::vector<ShardId> shards = view().reachable;
  std::erase_if(shards, [&](ShardId id) {
    const Shard& shard = *shards_.find(id);
    return shard.owns() && !shard.takes_orders();
  });
  return shards;
}

bool Placement::can_serve() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(groups_, [&](const Group& group) {
    return std::ranges::all_of(group.shards, [&](ShardId shard) { return view_.owners.contains(shard); });
  });
}

}  // namespace hongbao

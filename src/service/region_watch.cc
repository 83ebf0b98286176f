#include "service/region_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hongbao {

void RegionWatch::add(EngineServer server, Look look) {
  auto watched = std::make_unique<Watched>();
  watched->server = server;
  watched->look = std::move(look);
  watched->seen = {.server = std::move(server), .since = clock_.steady_now(), .error = "it was not asked yet"};
  watched_.push_back(std::move(watched));
}

void RegionWatch::start() {
  for (const auto& watched : watched_) {
    watched->thread = std::make_unique<Periodic>(kEvery, [this, &watched = *watched] { look_at(watched); });
    watched->thread->run_now();
    watched->thread->start();
  }
}

void RegionWatch::stop() {
  for (const auto& watched : watched_) {
    watched->thread.reset();
  }
}

void RegionWatch::look_at(Watched& watched) {
  const SteadyTime began = clock_.steady_now();
  {
    const std::lock_guard lock(mutex_);
    watched.looking_since = began;
    ++watched.looks_begun;
  }
  auto found = watched.look();
  const std::lock_guard lock(mutex_);
  EngineSeen& seen = watched.seen;
  if (seen.answers != found.has_value()) {
    seen.answers = found.has_value();
    seen.since = began;
  }
  seen.error = found ? "" : found.error().detail;
  if (found) {
    watched.found = std::move(*found);
    watched.found_at = began;
  }
  watched.looking_since.reset();
  ++watched.looks_ended;
  looked_.notify_all();
}

void RegionWatch::refresh(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  std::vector<std::pair<const Watched*, uint64_t>> awaited;
  for (const auto& watched : watched_) {
    awaited.emplace_back(watched.get(), watched->looks_begun + 1);  // one that began earlier may have seen less
  }
  lock.unlock();
  for (const auto& watched : watched_) {
    if (watched->thread) {
      watched->thread->run_now();
    }
  }
  lock.lock();
  looked_.wait_until(lock, deadline, [&] {
    return std::ranges::all_of(awaited, [](const auto& each) { return each.first->looks_ended >= each.second; });
  });
}

EngineSeen RegionWatch::judged(const Watched& watched, SteadyTime now) {
  EngineSeen seen = watched.seen;
  if (watched.looking_since && now - *watched.looking_since > kSilenceMax) {
    if (seen.answers) {
      seen.since = *watched.looking_since;
    }
    seen.answers = false;
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - *watched.looking_since);
    seen.error = fmt::format("no answer for {} ms", waited.count());
  }
  return seen;
}

RegionFacts RegionWatch::facts() const {
  const SteadyTime now = clock_.steady_now();
  RegionFacts facts;
  const std::lock_guard lock(mutex_);
  for (const auto& watched : watched_) {
    facts.engines.push_back(judged(*watched, now));
    for (const auto& [member, lease_left] : watched->found.members) {
      auto& node = facts.nodes.try_emplace(member.node, NodeSeen{member.address, lease_left}).first->second;
      node.lease_left = std::max(node.lease_left, lease_left);  // each database server has its own list
    }
    for (const auto& [shard, tenure] : watched->found.tenures) {
      ShardSeen& seen = facts.shards[shard];
      seen.tenure = tenure;
      seen.seen_at = watched->found_at;
    }
  }
  for (const auto& watched : watched_) {  // of shards that are known by now
    for (auto& [shard, seen] : facts.shards) {
      const auto copy = [&shard](const std::map<ShardId, VoucherNo>& from, std::optional<VoucherNo>& to) {
        const auto cursor = from.find(shard);
        to = cursor == from.end() ? to : std::optional(cursor->second);
      };
      copy(watched->found.settled_to, seen.settled_to);
      copy(watched->found.inbox_to, seen.inbox_to);
    }
  }
  return facts;
}

}  // namespace hongbao

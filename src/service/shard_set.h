// The shards of this process, owned here or away. Built at start, then read by any thread.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "shard/shard.h"

namespace hongbao {

class ShardSet {
 public:
  static constexpr size_t kCommandsWaitingAtPeak = 8;  // for any writer; a quiet process has none

  void add(std::unique_ptr<Shard> shard) { shards_.emplace(shard->id(), std::move(shard)); }

  // Null for a shard that this deployment does not have.
  [[nodiscard]] Shard* find(ShardId id) const {
    const auto it = shards_.find(id);
    return it == shards_.end() ? nullptr : it->second.get();
  }

  // Commands in the mailboxes of all shards together.
  [[nodiscard]] size_t commands_waiting() const {
    size_t waiting = 0;
    for (const auto& [id, shard] : shards_) {
      waiting += shard->commands_waiting();
    }
    return waiting;
  }

  // Users wait, and what is not urgent leaves the machine to them.
  [[nodiscard]] bool are_at_peak() const { return commands_waiting() >= kCommandsWaitingAtPeak; }

  [[nodiscard]] std::vector<ShardId> ids() const {
    std::vector<ShardId> ids;
    for (const auto& [id, shard] : shards_) {
      ids.push_back(id);
    }
    return ids;
  }

  // Whether this process has the shard's lease. False for one that this deployment does not have.
  [[nodiscard]] bool owns(ShardId id) const {
    const Shard* shard = find(id);
    return shard != nullptr && shard->owns();
  }

  // The last one in which this process had the shard.
  [[nodiscard]] Term term(ShardId id) const {
    const Shard* shard = find(id);
    return shard == nullptr ? Term() : shard->term();
  }

  [[nodiscard]] std::vector<ShardId> owned() const {
    std::vector<ShardId> ids;
    for (const auto& [id, shard] : shards_) {
      if (shard->owns()) {
        ids.push_back(id);
      }
    }
    return ids;
  }

  // Those that are owned here and serve.
  [[nodiscard]] std::vector<ShardId> taking_orders() const {
    std::vector<ShardId> ids;
    for (const auto& [id, shard] : shards_) {
      if (shard->takes_orders()) {
        ids.push_back(id);
      }
    }
    return ids;
  }

 private:
  std::map<ShardId, std::unique_ptr<Shard>> shards_;
};

}  // namespace hongbao

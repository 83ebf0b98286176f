// Which node owns which shard. Every node tells the databases that it lives, learns who else does, and from that alone
// all come to the same answer (rendezvous hashing): no leader, no messages. A shard that should be here is wanted here;
// one that should be elsewhere is given back. Until its owner's lease has ended nobody else can take it, whatever any
// node believes, and the order store's fence holds even where a lease did not.
//
// `step` and `leave`: one thread at a time. Everything else: any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ports/membership.h"
#include "service/ownership.h"

namespace hongbao {

// Counts what a node could not tell a database; at 0 in a process that tells none.
prometheus::Counter& add_beats_failed(prometheus::Registry& registry);

struct PlacementOptions {
  Member self;
  uint64_t incarnation = 0;           // rises with every start of this node
  std::chrono::milliseconds lease{};  // a node that is silent for so long is dead
  prometheus::Counter* beats_failed = nullptr;
};

class Placement final : public Ownership {
 public:
  // The shards of one database server, and who reaches it.
  struct Group {
    Membership* membership;
    std::vector<ShardId> shards;
    std::string facts{};  // what nodes that use this server must agree on (routing/agreement.h)
  };

  Placement(const ShardSet& shards, std::vector<Group> groups, PlacementOptions options)
      : shards_(shards), groups_(std::move(groups)), options_(std::move(options)), joined_(groups_.size()) {}

  // One beat for each group. A group whose server does not answer keeps the owners it had, and takes no new orders.
  // kFenced, a later process has this node's name; kConfig, another node has other facts: this one must end, and wants
  // no shards any more.
  Result<void> step();
  // A clean stop: this node gives its shards back and leaves the membership. The others take them.
  void leave();

  // Who should own the shard, as far as is known: where to send requests for it. nullopt: nobody that is known.
  [[nodiscard]] std::optional<Member> owner(ShardId shard) const;
  [[nodiscard]] bool is_self(const Member& member) const { return member.node == options_.self.node; }
  // Shards that new packets may go to: of servers that answer, and if they are owned here, serving. Also of a node that
  // leaves, or has left: its shards change hands, and a request waits for the new owner.
  [[nodiscard]] std::vector<ShardId> taking_orders() const override;
  // Those that it owns.
  [[nodiscard]] std::optional<Term> followed_term(ShardId shard) const override {
    const Term term = shards_.term(shard);  // before it is asked whose the shard is: never one that comes later
    return shards_.owns(shard) ? std::optional(term) : std::nullopt;
  }
  // Every group was heard of at least once.
  [[nodiscard]] bool can_serve() const override;

 private:
  struct View {
    std::map<ShardId, Member> owners;
    std::vector<ShardId> reachable;  // shards of the groups that answered last
  };
  Result<std::vector<Member>> beat(size_t group);
  void assign(const Group& group, const std::vector<Member>& members, View& view) const;
  static void add_reachable(const Group& group, View& view);
  void publish(View view);
  [[nodiscard]] View view() const;

  const ShardSet& shards_;
  const std::vector<Group> groups_;
  const PlacementOptions options_;
  std::vector<bool> joined_;  // by group: its nodes and this one agreed, and it was told that this one lives
  mutable std::mutex mutex_;
  View view_;  // guarded by mutex_
};

}  // namespace hongbao

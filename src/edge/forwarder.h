// Brings a request to the node that owns its packet's shard: answers it here when that is this node, else sends it over
// the peer link, and tries again while shards change hands, until the request's deadline. Every call it carries may be
// repeated: an open by the same user gives the same share, a payment is one transfer, a send is kept by its key.
//
// Any thread. Replies come from whatever thread the answer does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/metrics.h"
#include "edge/call.h"
#include "edge/peer_pool.h"
#include "service/placement.h"

namespace hongbao {

struct ForwarderLimits {
  std::chrono::milliseconds retry_pause{30};
  size_t retries_waiting_max = 16'384;  // requests that wait for a shard to have an owner
};

class Forwarder {
 public:
  // Answers a request at this node. A shard that is away answers with `not_owner`.
  using AnswerHere = std::function<void(const PeerRequest& request, Reply reply)>;

  Forwarder(const ShardSet& shards, const Placement& placement, PeerPool& peers, PeerIo& io, ForwarderLimits limits,
            prometheus::Registry& registry);

  // Before the first request.
  void set_answer_here(AnswerHere answer_here) { answer_here_ = std::move(answer_here); }

  [[nodiscard]] bool owns(ShardId shard) const { return shards_.owns(shard); }
  // It is another node's, or nobody's; this one would say so at once.
  [[nodiscard]] bool is_away(ShardId shard) const {
    const Shard* found = shards_.find(shard);
    return found != nullptr && found->is_away();
  }

  struct Request {
    PeerRequest request;
    bool in_doubt = false;  // it was tried before, and nobody said what became of it
  };
  // `call` is answered, and so measured, with all that it takes to get there.
  void bring(ShardId shard, Request request, Call call);

 private:
  class Errand;

  void run(std::shared_ptr<Errand> errand);
  void run_later(std::shared_ptr<Errand> errand);
  void send(const Member& owner, std::shared_ptr<Errand> errand);

  const ShardSet& shards_;
  const Placement& placement_;
  PeerPool& peers_;
  PeerIo& io_;
  const ForwarderLimits limits_;
  AnswerHere answer_here_;
  std::atomic<size_t> waiting_{0};
  prometheus::Counter& forwarded_;
  prometheus::Counter& repeated_;
};

}  // namespace hongbao

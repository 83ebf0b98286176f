// Brings a call to the node that owns its packet's shard: has it carried out here when that is this node, else sends it
// to its owner, and tries again while shards change hands, until the call's deadline. Every call may be repeated: an
// open by the same user gives the same share, a payment is one transfer, a send is kept by its key.
//
//   bring ─► route? ── here ───────────► carried out here ── kFenced ─► again
//              │├───── another node ───► over the link ──── not done, lost, or kFenced there ─► again
//              │├───── nobody known ───► again, after a pause
//              │└───── no such shard, another region's ─► carried out here, where that is told
//              └ of a view when the shard is away: first here, where caches may have a finished packet
//
// A call is in doubt once a try may have done a part of it: it got no answer, or its shard went away while it was
// carried out. From then on "not now" is no answer, and kOutcomeUnknown is given instead (docs/adr/0017).
//
// Any thread. Answers come from whatever thread they do. What it is given outlives it, and it outlives all calls.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "routing/route.h"
#include "service/packet_calls.h"

namespace hongbao {

struct ForwarderLimits {
  std::chrono::milliseconds retry_pause{30};
  size_t calls_waiting_max = 16'384;  // for a shard to have an owner
};

// How calls reach other nodes. Any thread.
class NodeLink {
 public:
  virtual ~NodeLink() = default;
  // `call`, of `flow`, is read, and the answer is valid, during the call only. Errors: kUnavailable, nothing was done;
  // kOutcomeUnknown, it may have been; others end the call, and nothing was done either.
  virtual void call(const Member& node, std::string_view call, uint64_t flow, SteadyTime deadline,
                    Done<std::string_view> done) = 0;
};

// Any thread.
class RetryTimer {
 public:
  virtual ~RetryTimer() = default;
  // Runs `task` then, or tells it that the time does not come, because the process ends.
  virtual void run_at(SteadyTime at, std::move_only_function<void(bool in_time)> task) = 0;
};

// How a call ended, and where it was answered.
struct Brought {
  Result<PacketAnswer> answer;
  std::string owner{};  // the node that gave the answer; empty: this one
};

// What forwarders count; at 0 in a process without one.
struct ForwarderMetrics {
  explicit ForwarderMetrics(prometheus::Registry& registry);
  prometheus::Counter& forwarded;
  prometheus::Counter& repeated;
};

// Whether an error is true of the last try only: nothing was done now.
bool says_not_now(ErrorCode code);

class Forwarder {
 public:
  using FindRoute = std::function<Route(ShardId)>;
  using CarryOut = std::function<void(const PacketCall& call, Done<PacketAnswer> done)>;  // at this node
  using Arrived = std::move_only_function<void(Brought)>;

  Forwarder(FindRoute route, CarryOut carry_out, NodeLink& link, RetryTimer& timer, const Clock& clock,
            ForwarderLimits limits, prometheus::Registry& registry);

  void bring(PacketCall call, Arrived arrived);
  // A call that another node brought here. kFenced: bring it elsewhere; a part of it may be done.
  void carry_out(const PacketCall& call, Done<PacketAnswer> done) const;

 private:
  class Trip;
  using TripRef = std::shared_ptr<Trip>;

  void run(TripRef trip);
  void run_here(TripRef trip);
  void run_later(TripRef trip);
  void send(const Member& owner, TripRef trip);

  const FindRoute route_;
  const CarryOut carry_out_;
  NodeLink& link_;
  RetryTimer& timer_;
  const Clock& clock_;
  const ForwarderLimits limits_;
  std::atomic<size_t> waiting_{0};
  const ForwarderMetrics metrics_;
};

}  // namespace hongbao

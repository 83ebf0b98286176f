// What this node knows of its region: which servers of the engines answer it, which nodes live, who has which shard,
// and how far each log was followed. A thread for each server looks at it every second, so that whoever asks is
// answered from memory at once, whatever is frozen: what is told is a second old, or says since when nobody answers.
//
// `add`, `start`, `stop`: the owner. Everything else: any thread.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ports/membership.h"
#include "ports/order_store.h"
#include "service/periodic.h"

namespace hongbao {

struct EngineServer {
  std::string engine;   // mariadb, redis, nats, sqlite
  std::string use;      // what this node has it for: orders, ledger, …
  std::string address;  // as operators know it; no password
};

struct EngineSeen {
  EngineServer server;
  bool answers = false;
  SteadyTime since;   // it answers, or does not, since then
  std::string error;  // while it does not
};

struct NodeSeen {
  std::string address;
  std::chrono::milliseconds lease_left{0};  // when it was read; negative: silent for so long since its lease ended
  [[nodiscard]] bool is_alive() const { return lease_left.count() > 0; }
};

// While its server does not answer, nobody knows whether the owner is still the same.
struct ShardSeen {
  ShardTenure tenure;  // as it was read …
  SteadyTime seen_at;  // … then
  std::optional<VoucherNo> settled_to;
  std::optional<VoucherNo> inbox_to;
  [[nodiscard]] bool is_owned() const { return tenure.lease_left.count() > 0; }
  [[nodiscard]] bool is_forever() const { return tenure.lease_left >= kLeaseForever / 2; }  // embedded
  [[nodiscard]] std::chrono::milliseconds lease_left(SteadyTime now) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(seen_at + tenure.lease_left - now);
    return std::max(left, std::chrono::milliseconds(0));
  }
};

struct RegionFacts {
  std::vector<EngineSeen> engines;
  std::map<std::string, NodeSeen> nodes;  // by name; one that fell silent is told of for an hour
  std::map<ShardId, ShardSeen> shards;    // those whose server ever answered
};

class RegionWatch {
 public:
  // What one look at a server found.
  struct Found {
    std::vector<KnownMember> members;
    std::map<ShardId, ShardTenure> tenures;
    std::map<ShardId, VoucherNo> settled_to;
    std::map<ShardId, VoucherNo> inbox_to;
  };
  // May block, but not for long when the server is frozen.
  using Look = std::function<Result<Found>()>;

  static constexpr std::chrono::seconds kEvery{1};
  // A look that takes longer counts as no answer.
  static constexpr std::chrono::milliseconds kSilenceMax{1'500};
  static constexpr std::chrono::hours kMemberMemory{1};

  // `clock` outlives the watch.
  explicit RegionWatch(const Clock& clock = system_clock()) : clock_(clock) {}
  ~RegionWatch() { stop(); }

  void add(EngineServer server, Look look);
  void start();
  // Returns after the looks that are under way.
  void stop();

  [[nodiscard]] RegionFacts facts() const;
  // Looks at all servers anew, and waits for what they say; but not beyond `deadline`. Blocks.
  void refresh(SteadyTime deadline);

 private:
  struct Watched {
    EngineServer server;
    Look look;
    std::unique_ptr<Periodic> thread;
    // Guarded by mutex_.
    EngineSeen seen;
    Found found;  // at the last look that was answered
    SteadyTime found_at;
    std::optional<SteadyTime> looking_since;
    uint64_t looks_begun = 0;
    uint64_t looks_ended = 0;
  };
  void look_at(Watched& watched);
  static EngineSeen judged(const Watched& watched, SteadyTime now);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable looked_;
  std::vector<std::unique_ptr<Watched>> watched_;
};

}  // namespace hongbao

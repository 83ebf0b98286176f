// One run: engines that survive, the cluster's nodes over them, callers, and time. `play` lets the faults strike;
// `settle_down` ends them and waits for the shards to be where they belong and for everything to be settled, which must
// happen. One thread.
#pragma once

#include <optional>
#include <set>

#include "sim/callers.h"
#include "sim/cluster.h"

namespace hongbao::sim {

class World {
 public:
  explicit World(Environment& env);

  void play();
  void settle_down();

  [[nodiscard]] Engines& engines() { return engines_; }
  [[nodiscard]] const Callers& callers() const { return callers_; }

 private:
  void tick();
  void act();
  void act(Process& process);
  void meanwhile(Moment moment);
  void play_for(std::chrono::milliseconds time);
  void let_time_pass();
  void strike();
  void copy_or_restore();
  void set_frozen(const UserId& user, bool frozen);
  void audit();
  void take_places();
  void expect_payments_without_payers_end();
  uint64_t pending_payments();
  void work_until_idle();
  void expect_followers_move();
  // What is not settled yet, in words; empty when everything is.
  [[nodiscard]] std::string unsettled();

  Environment& env_;
  uint64_t ticks_most_ms_;  // the longest that a tick takes, over all writers
  Engines engines_;
  Network network_;
  Callers callers_;
  Cluster cluster_;
  uint32_t ticks_ = 0;
  std::set<UserId> frozen_;  // perhaps
  // Of a follower at the end of the round before.
  struct Place {
    VoucherNo cursor;
    VoucherNo next;  // the log's end
    int rounds = 0;  // that it stands still
  };
  std::map<std::pair<ShardId, std::string>, Place> places_;
  std::optional<std::pair<Engines::Copy, Callers::Told>> copy_;  // the latest of all stores, and what was told by then
  int asks_ = 0;                                                 // by callers, that are being played
  int meantimes_ = 0;                                            // one within the other
};

}  // namespace hongbao::sim

// Publishes vouchers without waiting for anybody. A message costs the server, its followers and their acknowledgements
// as much as hundreds of vouchers do: the publisher rests after what it published, and batches of a shard that come
// meanwhile are joined into one message. What comes after a pause goes out at once.
//
// Threads: any. Its own calls the library, which may wait for a server that is frozen, and confirmations come on one of
// the library's.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "adapters/nats/connection.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "core/voucher_batch.h"

namespace hongbao::nats {

class Publisher {
 public:
  struct Options {
    std::string subject_prefix;  // before the shard
    VoucherBatchCodec codec;
    size_t messages_waiting_max;
    size_t joined_vouchers_max;  // batches are joined up to so many; one that is larger goes alone
    int64_t confirmations_waiting_max;
    std::chrono::milliseconds rest;
  };
  struct Metrics {
    prometheus::Counter& published;
    prometheus::Counter& dropped;
  };

  // `connection` outlives it. `on_refused`: the server did not confirm; on a thread of the library.
  Publisher(Connection& connection, Options options, Metrics metrics, std::function<void()> on_refused);
  // REQUIRES: stopped.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Dropped when too much waits.
  void publish(ShardId shard, Term term, std::span<const Voucher> vouchers);
  // Publishes what waits, begins nothing after `limit`, and ends the thread.
  void stop(std::chrono::milliseconds limit);

 private:
  using Messages = std::map<ShardId, std::vector<VoucherBatch>>;
  // Where the library finds the publisher when a confirmation comes, or finds that it is gone.
  struct Anchor {
    std::mutex mutex;
    Publisher* publisher = nullptr;  // guarded by mutex
  };

  static Anchor& new_anchor();
  static void on_answer(jsCtx*, natsMsg* message, jsPubAck*, jsPubAckErr* error, void* anchor);

  void run();
  void publish_now(const VoucherBatch& message);

  Connection& connection_;
  const Options options_;
  const Metrics metrics_;
  const std::function<void()> on_refused_;
  Anchor& anchor_;
  Owned<jsCtx> context_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Messages waiting_;                           // guarded by mutex_
  size_t messages_waiting_ = 0;                // guarded by mutex_: in waiting_
  bool is_stopping_ = false;                   // guarded by mutex_
  SteadyTime give_up_at_ = SteadyTime::max();  // guarded by mutex_

  std::thread thread_;
};

}  // namespace hongbao::nats

// The voucher stream in NATS JetStream: one stream a region, one message a committed batch, one durable pull consumer
// for each follower of a shard.
//
// Nothing depends on a message: whatever is lost, or dropped because the server is away, followers read back from the
// order store (service/log_follower.h). So publishing never waits, a new consumer begins at the stream's end, and a
// stream or consumer that is gone is made again by a thread that compares what should be there with what is.
//
// Threads: any. Messages arrive on threads of the library, which are few however many shards there are.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/subscription.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/voucher_stream.h"

namespace hongbao {

struct NatsStreamOptions {
  std::string url = "nats://127.0.0.1:4222";
  Region region = Region::kSouth;
  std::string name_prefix{};  // of stream and subjects; for tests that share a server
  std::chrono::seconds age_max = std::chrono::hours(1);
  int64_t bytes_max = 4LL << 30;
  int64_t replicas = 1;
  size_t batches_waiting_max = 1'024;  // for the publisher; more are dropped
  int64_t acks_pending_max = 1'024;    // published, and not yet confirmed
  std::chrono::milliseconds maintenance_pause{1'000};
};

class NatsVoucherStream final : public VoucherStream {
 public:
  // Connects in the background. kConfig: the URL can't be one.
  static Result<std::unique_ptr<NatsVoucherStream>> open(NatsStreamOptions options, prometheus::Registry& registry);
  ~NatsVoucherStream() override;

  void publish(ShardId shard, std::span<const Voucher> vouchers) override;
  Result<std::vector<Voucher>> fetch(Follower follower, ShardId shard, VoucherNo from, size_t vouchers_max) override;
  void acknowledge(Follower follower, ShardId shard, VoucherNo upto) override;
  void leave(Follower follower, ShardId shard) override;
  void wait(uint64_t& seen, std::chrono::milliseconds timeout) override;

 private:
  using Key = std::pair<Follower, ShardId>;
  struct Batch {
    ShardId shard;
    std::vector<Voucher> vouchers;
  };
  struct Metrics {
    prometheus::Counter& published;
    prometheus::Counter& dropped;
  };

  NatsVoucherStream(NatsStreamOptions options, std::unique_ptr<nats::Connection> connection,
                    prometheus::Registry& registry);
  static void on_publish_answer(jsCtx*, natsMsg* message, jsPubAck*, jsPubAckErr* error, void* self);

  void publish_loop();
  void publish(const Batch& batch);
  void maintain_loop();
  void maintain();
  bool ensure_stream();
  std::shared_ptr<nats::Subscription> find(Key key);
  [[nodiscard]] std::string subject_of(ShardId shard) const;

  const NatsStreamOptions options_;
  const std::string stream_;
  std::unique_ptr<nats::Connection> connection_;
  nats::Owned<jsCtx> publishing_;
  nats::Owned<jsCtx> asking_;
  Metrics metrics_;
  Mailbox<Batch> batches_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, std::shared_ptr<nats::Subscription>> subscriptions_;  // guarded by mutex_
  uint64_t arrivals_ = 0;                                             // guarded by mutex_
  bool stopping_ = false;                                             // guarded by mutex_
  bool maintenance_due_ = false;                                      // guarded by mutex_

  std::thread publisher_;
  std::thread maintainer_;
};

}  // namespace hongbao

// The voucher stream in NATS JetStream: one stream a region, a message for the batches of a shard that were committed
// in a row, one durable pull consumer for each follower of a shard.
//
// Nothing depends on a message: whatever is lost, or dropped because the server is away, followers read back from the
// order store (service/log_follower.h). So publishing never waits, a new consumer begins at the stream's end, and a
// stream or consumer that is gone is made again by a thread that compares what should be there with what is.
//
// Nobody who can write to the server is trusted: a message without its MAC is dropped and counted, and one that a node
// did write says nothing that the log does not, or is of another term.
//
// Threads: any; no call waits for the server. Three threads here do (the publisher's, the outbox's, the maintainer's),
// and messages arrive on threads of the library, which are few however many shards there are.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/nats/arrivals.h"
#include "adapters/nats/connection.h"
#include "adapters/nats/outbox.h"
#include "adapters/nats/publisher.h"
#include "adapters/nats/subscription.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "core/key_ring.h"
#include "ports/voucher_stream.h"

namespace hongbao {

struct NatsStreamOptions {
  nats::Server server{};
  Region region{};
  Subkeys<Key256> keys{Key256{}};  // of the messages' MAC: all nodes have the same
  std::string name_prefix{};       // of stream and subjects; for tests that share a server
  // Of the stream. One that is there with others gets these when a process begins.
  std::chrono::seconds age_max{};
  int64_t bytes_max = 0;
  int64_t replicas = 0;
  size_t messages_waiting_max = 1'024;           // to be published; more are dropped
  size_t joined_vouchers_max = 4'096;            // in a message of several batches: some 300 kB of the server's 1 MB
  int64_t confirmations_waiting_max = 1'024;     // published, and not yet confirmed; more are dropped
  std::chrono::milliseconds publisher_rest{50};  // while batches are joined; followers gather as long
  std::chrono::milliseconds maintenance_pause{1'000};
};

class NatsVoucherStream final : public VoucherStream {
 public:
  // Connects in the background. kConfig: the URL can't be one.
  static Result<std::unique_ptr<NatsVoucherStream>> open(NatsStreamOptions options, prometheus::Registry& registry);
  ~NatsVoucherStream() override;

  void publish(ShardId shard, Term term, std::span<const Voucher> vouchers) override;
  Result<std::vector<Voucher>> fetch(Follower follower, const Want& want) override;
  void acknowledge(Follower follower, ShardId shard, VoucherNo upto) override;
  void leave(Follower follower, ShardId shard) override;
  void wait(uint64_t& seen, std::chrono::milliseconds timeout) override;
  // The server is connected, and has the stream. Any thread; may wait for a second.
  [[nodiscard]] bool is_available() const { return connection_->is_connected() && is_available_.load(); }

  // The number behind the newest voucher of `shard` that the stream holds; 1: it holds none. Vouchers are published
  // after their commit, so it is never ahead of the shard's log, but after the databases were rolled back. Waits for
  // the connection and the answer, for some seconds. kUnavailable.
  Result<VoucherNo> end(ShardId shard);

 private:
  using Key = std::pair<Follower, ShardId>;

  NatsVoucherStream(NatsStreamOptions options, std::unique_ptr<nats::Connection> connection,
                    prometheus::Registry& registry);

  // The maintainer's.
  void maintain_loop();
  void maintain();
  bool ensure_stream(uint64_t generation);
  natsStatus change_limits(jsStreamConfig& config);
  void report(bool is_available);

  void make_due();
  std::shared_ptr<nats::Subscription> find(Key key);
  [[nodiscard]] std::string subject_of(std::string_view shard) const;

  const NatsStreamOptions options_;
  const VoucherBatchCodec codec_;
  const std::string stream_;
  std::unique_ptr<nats::Connection> connection_;
  prometheus::Counter& redelivered_;
  prometheus::Counter& refused_;
  nats::Owned<jsCtx> asking_;
  const std::shared_ptr<nats::Arrivals> arrivals_ = std::make_shared<nats::Arrivals>();
  const std::shared_ptr<nats::Outbox> outbox_;

  std::mutex mutex_;
  std::condition_variable due_;
  std::map<Key, std::shared_ptr<nats::Subscription>> subscriptions_;  // guarded by mutex_
  bool is_stopping_ = false;                                          // guarded by mutex_
  bool is_maintenance_due_ = false;                                   // guarded by mutex_

  // The maintainer's, but is_in_doubt_.
  std::atomic<bool> is_in_doubt_{true};  // whether the stream is there
  bool limits_were_told_ = false;        // to a stream that was there with others
  uint64_t generation_ = 0;              // of the connection on which it was found
  SteadyTime check_at_;
  std::atomic<bool> is_available_ = true;

  nats::Publisher publisher_;
  std::thread maintainer_;
};

}  // namespace hongbao

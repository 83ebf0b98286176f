// The cache in Redis. One connection and one thread: what callers ask for gathers while the commands before it are
// under way, and then goes out together, so that a busy cache is asked in a few large pipelines. A server that does not
// answer in time is left alone for a while (a circuit breaker), so that callers go on without it at once; then one
// command at a time probes it.
//
// Threads: any. Callbacks run on the cache's own thread, or inline when the call is refused; they must be short and
// must not block.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/redis/redis_connection.h"
#include "base/clock.h"
#include "base/engine_statistics.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/cache.h"

namespace hongbao {

struct RedisOptions {
  RedisServer server;
  std::chrono::milliseconds answer_timeout{};  // to connect, for a pipeline's answers, and to wait for one's turn
  size_t owner_entries_max = 0;                // of each owner's
  std::string prefix = "hongbao:";             // of every key
  size_t commands_waiting_max = 16'384;
};

class RedisCache final : public Cache {
 public:
  static constexpr int kFailuresMax = 3;                       // pipelines in a row, then the breaker opens
  static constexpr std::chrono::milliseconds kOpenFor{1'000};  // then one command probes
  static constexpr size_t kPipelineCommandsMax = 1'024;
  static constexpr size_t kEraseKeysMax = 512;  // in one command

  // Connects when it is first asked for something. `registry` outlives the cache.
  RedisCache(RedisOptions options, prometheus::Registry& registry);
  // Answers what still waits with kShuttingDown.
  ~RedisCache() override;

  void get(std::string_view key, Found done) override;
  void put_if_absent(std::string_view owner, std::string_view key, std::string value, std::chrono::milliseconds ttl,
                     Found done) override;
  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) override;
  void get_or_claim(std::string_view key, Done<Claimed> done) override;
  void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
            Done<bool> done) override;
  void erase(std::vector<std::string> keys, Done<void> done) override;

 private:
  using Taken = Done<const redisReply*>;
  struct Command {
    std::vector<std::string> words;
    RedisScript script;  // with one, `words` are what it takes
    SteadyTime since;
    bool is_probe;
    Taken done;
  };
  static constexpr SteadyTime kClosed{};

  void submit(std::vector<std::string> words, Taken done, RedisScript script = RedisScript::kNone);
  // False: the breaker is open. `is_probe`: it is, and this caller tries whether the server is back.
  bool admit(SteadyTime now, bool& is_probe);
  void erase_from(std::shared_ptr<std::vector<std::string>> words, size_t first, Done<void> done);
  [[nodiscard]] std::string key_of(std::string_view key) const { return options_.prefix + std::string(key); }
  [[nodiscard]] std::string claim_of(std::string_view key) const {
    return options_.prefix + "claim:" + std::string(key);
  }

  // The thread's.
  void run();
  void serve(std::vector<Command>& commands);
  void refuse_late(std::vector<Command>& commands);
  bool exchange(std::vector<Command>& commands, std::vector<Command>& unknown_script);
  void log_refusal(const std::string& error);
  bool connect();
  void count_failure(const std::string& what);
  void count_success();

  const RedisOptions options_;
  Mailbox<Command> waiting_;
  std::atomic<SteadyTime> probe_at_{kClosed};  // with the breaker open; until then nothing is asked
  std::unique_ptr<RedisConnection> connection_;
  int failures_ = 0;           // in a row
  SteadyTime refusal_logged_;  // the last one
  EngineStatistics& statistics_;
  prometheus::Gauge& available_;
  prometheus::Histogram& pipeline_commands_;
  std::thread thread_;
};

}  // namespace hongbao

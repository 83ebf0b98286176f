// The cache in Redis. One connection and one thread: what callers ask for gathers while the commands before it are
// under way, and then goes out together, so that a busy cache is asked in a few large pipelines. A server that does not
// answer in time is not asked for a while (a circuit breaker), so that callers go on without it at once.
//
// Threads: any. Callbacks run on the cache's own thread, or inline when the call is refused; they must be short and
// must not block.
#pragma once

#include <hiredis/hiredis.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/cache.h"

namespace hongbao {

struct RedisOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 6379;
  std::string password{};                         // empty: none is asked for
  std::string prefix = "hongbao:";                // of every key
  std::chrono::milliseconds answer_timeout{200};  // to connect, for an answer, and to wait for one's turn
  int failures_max = 3;                           // in a row, then the breaker opens
  std::chrono::milliseconds open_for{1'000};      // then one pipeline probes
  size_t commands_waiting_max = 16'384;
  size_t pipeline_commands_max = 1'024;
  size_t erase_keys_max = 512;  // in one command
};

class RedisCache final : public Cache {
 public:
  // Connects when it is first asked for something. `registry` outlives the cache.
  RedisCache(RedisOptions options, prometheus::Registry& registry);
  // Answers what still waits with kShuttingDown.
  ~RedisCache() override;

  void get(std::string_view key, Found done) override;
  void put_if_absent(std::string_view key, std::string value, std::chrono::milliseconds ttl, Found done) override;
  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) override;
  void get_or_claim(std::string_view key, Done<Claimed> done) override;
  void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
            Done<bool> done) override;
  void erase(std::vector<std::string> keys, Done<void> done) override;

 private:
  using Taken = Done<const redisReply*>;
  struct Command {
    std::vector<std::string> words;
    SteadyTime since;
    Taken done;
  };
  struct Free {
    void operator()(redisContext* connection) const { redisFree(connection); }
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  using Reply = std::unique_ptr<redisReply, Free>;

  void submit(std::vector<std::string> words, Taken done);
  void erase_from(std::shared_ptr<std::vector<std::string>> words, size_t first, Done<void> done);
  [[nodiscard]] std::string key_of(std::string_view key) const { return options_.prefix + std::string(key); }
  [[nodiscard]] std::string claim_of(std::string_view key) const {
    return options_.prefix + "claim:" + std::string(key);
  }

  // The thread's.
  void run();
  void serve(std::vector<Command>& commands);
  size_t exchange(std::vector<Command>& commands);
  bool connect();
  bool greet();
  Reply ask_now(const std::vector<std::string>& words);
  Reply read_reply();
  void count_failure(const char* what);
  void count_success();

  const RedisOptions options_;
  Mailbox<Command> waiting_;
  std::atomic<SteadyTime> open_until_{SteadyTime()};  // until then nothing is asked
  std::unique_ptr<redisContext, Free> connection_;
  std::string claim_script_;  // SHA1 names, as the server gave them
  std::string fill_script_;
  int failures_ = 0;
  prometheus::Gauge& available_;
  prometheus::Histogram& pipeline_commands_;
  std::thread thread_;
};

}  // namespace hongbao

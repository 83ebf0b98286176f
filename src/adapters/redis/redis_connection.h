// One connection to a Redis server, in plain text or by TLS, and the cache's scripts on it. Every step waits no longer
// than the time-out it was opened with. After the first that fails only `error` is of use.
//
// One thread: the cache's.
#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/redis_tls.h"
#include "base/engine_tls.h"

namespace hongbao {

struct RedisServer {
  std::string host;
  uint16_t port = 0;
  std::string user{};      // empty: Redis's own, `default`
  std::string password{};  // empty: none is sent, nor the user
  EngineTls tls{};

  [[nodiscard]] std::string address() const;
};

// What runs as one step on the server; called by its SHA1.
enum class RedisScript : uint8_t {
  kNone,
  kClaim,     // takes the entry's key, its claim's, a new token, the claim's life in ms
  kFill,      // takes the entry's key, its claim's, the token, the value, its life in ms
  kPutOwned,  // takes the entry's key, its owner's, the value, its life in ms, how many entries an owner has
};

class RedisConnection {
 public:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  using Reply = std::unique_ptr<redisReply, Free>;

  // nullptr: `error` has the reason.
  static std::unique_ptr<RedisConnection> open(const RedisServer& server, std::chrono::milliseconds timeout,
                                               std::string& error);

  // Adds a command to those that the next `read` sends.
  void append(RedisScript script, const std::vector<std::string>& words);
  // The reply to the first command that has none yet. nullptr: the connection failed.
  Reply read();
  // A server that was restarted, or told to forget them, knows none.
  bool load_scripts();

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  RedisConnection(std::unique_ptr<redisContext, Free> context, std::chrono::milliseconds timeout)
      : timeout_(timeout), context_(std::move(context)) {}

  [[nodiscard]] std::string_view name_of(RedisScript script) const;
  void append(const std::vector<std::string_view>& words);
  Reply read_by_tls();
  bool log_in(const RedisServer& server);
  // False: it failed or was refused.
  bool ask(const std::vector<std::string_view>& words, std::string* answer);

  const std::chrono::milliseconds timeout_;
  std::unique_ptr<redisContext, Free> context_;
  std::unique_ptr<RedisTls> tls_;  // null: plain text
  std::string unsent_;             // by TLS
  std::string claim_script_;       // SHA1 names, as the server gave them
  std::string fill_script_;
  std::string put_owned_script_;
  std::string error_;
};

}  // namespace hongbao

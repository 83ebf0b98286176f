// One connection to a Redis server, and the cache's scripts on it. Every step waits no longer than the time-out it
// was opened with. After the first that fails only `error` is of use.
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

namespace hongbao {

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

  // nullptr: `error` has the reason. An empty password is not sent.
  static std::unique_ptr<RedisConnection> open(const std::string& host, uint16_t port, const std::string& password,
                                               std::chrono::milliseconds timeout, std::string& error);

  // Adds a command to those that the next `read` sends.
  void append(RedisScript script, const std::vector<std::string>& words);
  // The reply to the first command that has none yet. nullptr: the connection failed.
  Reply read();
  // A server that was restarted, or told to forget them, knows none.
  bool load_scripts();

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  explicit RedisConnection(std::unique_ptr<redisContext, Free> context) : context_(std::move(context)) {}

  [[nodiscard]] std::string_view name_of(RedisScript script) const;
  void append(const std::vector<std::string_view>& words);
  // False: it failed or was refused.
  bool ask(const std::vector<std::string_view>& words, std::string* answer);

  std::unique_ptr<redisContext, Free> context_;
  std::string claim_script_;  // SHA1 names, as the server gave them
  std::string fill_script_;
  std::string put_owned_script_;
  std::string error_;
};

}  // namespace hongbao

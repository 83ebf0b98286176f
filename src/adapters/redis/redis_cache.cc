#include "adapters/redis/redis_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/crypto.h"
#include "base/log.h"
#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kIdleWait{1'000};
constexpr std::chrono::seconds kRefusalLogPause{1};

std::string count_of(std::chrono::milliseconds time) {
  return std::to_string(std::max<int64_t>(time.count(), 1));
}

std::optional<std::string> text_of(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING ? std::optional(std::string(reply.str, reply.len)) : std::nullopt;
}

std::unexpected<Error> unavailable() {
  return fail(ErrorCode::kUnavailable, "the cache does not answer");
}

uint64_t new_token() {
  std::array<uint8_t, sizeof(uint64_t)> bytes;
  random_bytes(bytes);
  uint64_t token = 0;
  for (const uint8_t byte : bytes) {
    token = token << 8 | byte;
  }
  return std::max<uint64_t>(token, 1);
}

}  // namespace

RedisCache::RedisCache(RedisOptions options, prometheus::Registry& registry)
    : options_(std::move(options)),
      waiting_(options_.commands_waiting_max),
      statistics_(engine_statistics("redis", options_.server.address())),
      available_(
          add_gauge(registry, "hongbao_cache_available", "1 while the cache is asked, 0 while it is left alone.")),
      pipeline_commands_(add_histogram(registry, "hongbao_cache_pipeline_commands",
                                       "Commands sent to the cache together.", batch_buckets())),
      thread_([this] { run(); }) {
  available_.Set(1);
}

RedisCache::~RedisCache() {
  waiting_.close();
  thread_.join();
}

bool RedisCache::admit(SteadyTime now, bool& is_probe) {
  SteadyTime probe_at = probe_at_.load(std::memory_order_relaxed);
  is_probe = probe_at != kClosed;
  return !is_probe || (now >= probe_at && probe_at_.compare_exchange_strong(probe_at, now + kOpenFor));
}

void RedisCache::submit(std::vector<std::string> words, Taken done, RedisScript script) {
  const SteadyTime now = std::chrono::steady_clock::now();
  bool is_probe = false;
  if (!admit(now, is_probe)) {
    done(unavailable());
    return;
  }
  Command command{std::move(words), script, now, is_probe, std::move(done)};
  switch (waiting_.push(command)) {
    case Mailbox<Command>::Push::kTaken:
      return;
    case Mailbox<Command>::Push::kFull:
      command.done(fail(ErrorCode::kOverloaded, "too much waits for the cache"));
      return;
    case Mailbox<Command>::Push::kClosed:
      command.done(fail(ErrorCode::kShuttingDown, "the server is stopping"));
      return;
  }
}

void RedisCache::get(std::string_view key, Found done) {
  submit({"GET", key_of(key)}, [done = std::move(done)](Result<const redisReply*> reply) mutable {
    done(reply ? Result<std::optional<std::string>>(text_of(**reply)) : std::unexpected(reply.error()));
  });
}

void RedisCache::put_if_absent(std::string_view owner, std::string_view key, std::string value,
                               std::chrono::milliseconds ttl, Found done) {
  submit(
      {key_of(key), options_.prefix + "of:" + std::string(owner), std::move(value), count_of(ttl),
       std::to_string(options_.owner_entries_max)},
      [done = std::move(done)](Result<const redisReply*> reply) mutable {
        done(reply ? Result<std::optional<std::string>>(text_of(**reply)) : std::unexpected(reply.error()));
      },
      RedisScript::kPutOwned);
}

void RedisCache::put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) {
  submit({"SET", key_of(key), std::move(value), "PX", count_of(ttl)},
         [done = std::move(done)](Result<const redisReply*> reply) mutable {
           done(reply ? Result<void>() : std::unexpected(reply.error()));
         });
}

void RedisCache::get_or_claim(std::string_view key, Done<Claimed> done) {
  const uint64_t token = new_token();
  submit(
      {key_of(key), claim_of(key), std::to_string(token), count_of(kClaimTtl)},
      [token, done = std::move(done)](Result<const redisReply*> reply) mutable {
        if (!reply) {
          done(std::unexpected(reply.error()));
          return;
        }
        auto value = text_of(**reply);
        const bool found = value.has_value();
        done(Claimed{std::move(value), found ? 0 : token});
      },
      RedisScript::kClaim);
}

void RedisCache::fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
                      Done<bool> done) {
  submit(
      {key_of(key), claim_of(key), std::to_string(token), std::move(value), count_of(ttl)},
      [done = std::move(done)](Result<const redisReply*> reply) mutable {
        done(reply ? Result<bool>((*reply)->integer == 1) : std::unexpected(reply.error()));
      },
      RedisScript::kFill);
}

void RedisCache::erase(std::vector<std::string> keys, Done<void> done) {
  auto words = std::make_shared<std::vector<std::string>>();
  words->reserve(2 * keys.size());
  for (const std::string& key : keys) {
    words->push_back(key_of(key));
    words->push_back(claim_of(key));
  }
  erase_from(std::move(words), 0, std::move(done));
}

// A part after the other.
void RedisCache::erase_from(std::shared_ptr<std::vector<std::string>> words, size_t first, Done<void> done) {
  if (first >= words->size()) {
    done({});
    return;
  }
  const size_t end = std::min(words->size(), first + kEraseKeysMax);
  std::vector<std::string> command{"UNLINK"};
  command.insert(command.end(), words->begin() + static_cast<ptrdiff_t>(first),
                 words->begin() + static_cast<ptrdiff_t>(end));
  submit(std::move(command),
         [this, words = std::move(words), end, done = std::move(done)](Result<const redisReply*> reply) mutable {
           if (reply) {
             erase_from(std::move(words), end, std::move(done));
           } else {
             done(std::unexpected(reply.error()));
           }
         });
}

void RedisCache::run() {
  name_this_thread("redis");
  std::vector<Command> commands;
  while (true) {
    commands.clear();
    waiting_.take(commands, kPipelineCommandsMax, kIdleWait);
    if (waiting_.closed()) {
      for (Command& command : commands) {
        command.done(fail(ErrorCode::kShuttingDown, "the server is stopping"));
      }
      if (commands.empty()) {
        return;
      }
    } else if (!commands.empty()) {
      serve(commands);
    }
  }
}

void RedisCache::serve(std::vector<Command>& commands) {
  refuse_late(commands);
  if (commands.empty()) {
    return;
  }
  std::vector<Command> unknown_script;
  if (connect() && exchange(commands, unknown_script) && !unknown_script.empty() && connection_->load_scripts()) {
    (void)exchange(unknown_script, commands);
  }
  std::ranges::move(unknown_script, std::back_inserter(commands));
  for (Command& command : commands) {
    command.done(unavailable());
  }
}

void RedisCache::refuse_late(std::vector<Command>& commands) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const bool is_open = probe_at_.load(std::memory_order_relaxed) != kClosed;
  std::erase_if(commands, [&](Command& command) {
    const bool is_refused = (is_open && !command.is_probe) || now - command.since > options_.answer_timeout;
    if (is_refused) {
      command.done(unavailable());
    }
    return is_refused;
  });
}

// Takes out of `commands` those that it answers, and those whose script the server does not know. False: the connection
// failed.
bool RedisCache::exchange(std::vector<Command>& commands, std::vector<Command>& unknown_script) {
  pipeline_commands_.Observe(static_cast<double>(commands.size()));
  const SteadyTime deadline = std::chrono::steady_clock::now() + options_.answer_timeout;
  for (const Command& command : commands) {
    connection_->append(command.script, command.words);
  }
  std::string refusal;
  size_t taken = 0;
  size_t refused = 0;
  for (; taken < commands.size() && std::chrono::steady_clock::now() <= deadline; ++taken) {
    const RedisConnection::Reply reply = connection_->read();
    if (!reply) {
      break;
    }
    Command& command = commands[taken];
    if (reply->type != REDIS_REPLY_ERROR) {
      if (command.is_probe) {
        count_success();  // before its caller asks for the next thing
      }
      command.done(reply.get());
    } else if (command.script != RedisScript::kNone &&
               std::string_view(reply->str, reply->len).starts_with("NOSCRIPT")) {
      unknown_script.push_back(std::move(command));
    } else {
      ++refused;
      refusal.assign(reply->str, reply->len);
      command.done(fail(ErrorCode::kUnavailable, "the cache refuses"));
    }
  }
  const bool is_complete = taken == commands.size();
  commands.erase(commands.begin(), commands.begin() + static_cast<ptrdiff_t>(taken));
  if (refused > 0) {
    log_refusal(refusal);
  }
  if (!is_complete || refused == taken) {  // a server that refuses everything, while it loads for instance, is down
    count_failure(is_complete ? refusal : "it does not answer");
    return false;
  }
  count_success();
  return true;
}

void RedisCache::log_refusal(const std::string& error) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now - refusal_logged_ >= kRefusalLogPause) {
    refusal_logged_ = now;
    log_warn("cache_refused", {{"error", error}});
  }
}

bool RedisCache::connect() {
  if (connection_) {
    return true;
  }
  std::string error;
  connection_ = RedisConnection::open(options_.server, options_.answer_timeout, error);
  if (!connection_) {
    count_failure(error);
    return false;
  }
  statistics_.connections.store(1);
  return true;
}

void RedisCache::count_failure(const std::string& what) {
  ++failures_;
  statistics_.errors.fetch_add(1);
  const std::string error = connection_ && !connection_->error().empty() ? connection_->error() : what;
  connection_.reset();
  statistics_.connections.store(0);
  if (failures_ < kFailuresMax) {
    return;
  }
  probe_at_.store(std::chrono::steady_clock::now() + kOpenFor);
  available_.Set(0);
  if (failures_ == kFailuresMax) {
    log_warn("cache_down", {{"server", options_.server.address()}, {"error", error}});
  }
}

void RedisCache::count_success() {
  if (failures_ >= kFailuresMax) {
    log_info("cache_up", {{"server", options_.server.address()}});
  }
  failures_ = 0;
  probe_at_.store(kClosed);
  available_.Set(1);
}

}  // namespace hongbao

#include "adapters/redis/redis_connection.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/check.h"

namespace hongbao {
namespace {

// KEYS: the entry, its claim. ARGV: a new token, the claim's life in ms.
constexpr const char* kClaimScript = R"(
local value = redis.call('GET', KEYS[1])
if not value then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return value)";

// KEYS: the entry, its claim. ARGV: the token, the value, its life in ms.
constexpr const char* kFillScript = R"(
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1)";

// KEYS: the entry, the list of its owner's. ARGV: the value, its life in ms, how many entries an owner has at most. The
// list lives as long as its youngest entry, and names at times what has gone.
constexpr const char* kPutOwnedScript = R"(
local value = redis.call('GET', KEYS[1])
if value then return value end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local entries = redis.call('RPUSH', KEYS[2], KEYS[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
if entries > tonumber(ARGV[3]) then redis.call('UNLINK', redis.call('LPOP', KEYS[2])) end
return false)";

constexpr size_t kReadBytes = 16'384;  // a record of TLS at most

timeval as_timeval(std::chrono::milliseconds time) {
  return {.tv_sec = time.count() / 1'000, .tv_usec = (time.count() % 1'000) * 1'000};
}

}  // namespace

std::string RedisServer::address() const {
  return fmt::format("{}:{}", host, port);
}

std::unique_ptr<RedisConnection> RedisConnection::open(const RedisServer& server, std::chrono::milliseconds timeout,
                                                       std::string& error) {
  std::unique_ptr<redisContext, Free> context(
      redisConnectWithTimeout(server.host.c_str(), server.port, as_timeval(timeout)));
  if (!context || context->err != 0 || redisSetTimeout(context.get(), as_timeval(timeout)) != REDIS_OK) {
    error = context ? context->errstr : "no memory";
    return nullptr;
  }
  std::unique_ptr<RedisConnection> opened(new RedisConnection(std::move(context), timeout));
  if (server.tls.is_on()) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    opened->tls_ = RedisTls::handshake(server.tls, server.host, opened->context_->fd, deadline, error);
    if (!opened->tls_) {
      return nullptr;
    }
  }
  if (opened->log_in(server) && opened->load_scripts()) {
    return opened;
  }
  error = opened->error();
  return nullptr;
}

bool RedisConnection::log_in(const RedisServer& server) {
  if (server.password.empty()) {
    return true;
  }
  return server.user.empty() ? ask({"AUTH", server.password}, nullptr)
                             : ask({"AUTH", server.user, server.password}, nullptr);
}

void RedisConnection::append(RedisScript script, const std::vector<std::string>& words) {
  std::vector<std::string_view> all;
  if (script != RedisScript::kNone) {
    all = {"EVALSHA", name_of(script), "2"};
  }
  all.insert(all.end(), words.begin(), words.end());
  append(all);
}

std::string_view RedisConnection::name_of(RedisScript script) const {
  switch (script) {
    case RedisScript::kClaim:
      return claim_script_;
    case RedisScript::kFill:
      return fill_script_;
    case RedisScript::kPutOwned:
      return put_owned_script_;
    case RedisScript::kNone:
      break;
  }
  return {};
}

void RedisConnection::append(const std::vector<std::string_view>& words) {
  std::vector<const char*> texts;
  std::vector<size_t> lengths;
  for (const std::string_view word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  if (tls_) {
    char* command = nullptr;
    const int size = redisFormatCommandArgv(&command, static_cast<int>(texts.size()), texts.data(), lengths.data());
    CHECK(size >= 0);
    unsent_.append(command, static_cast<size_t>(size));
    redisFreeCommand(command);
    return;
  }
  CHECK(redisAppendCommandArgv(context_.get(), static_cast<int>(texts.size()), texts.data(), lengths.data()) ==
        REDIS_OK);
}

RedisConnection::Reply RedisConnection::read() {
  if (tls_) {
    return read_by_tls();
  }
  void* reply = nullptr;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK) {
    error_ = context_->errstr;
    return nullptr;
  }
  return Reply(static_cast<redisReply*>(reply));
}

RedisConnection::Reply RedisConnection::read_by_tls() {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout_;
  if (!tls_->write(unsent_, deadline, error_)) {
    return nullptr;
  }
  unsent_.clear();
  std::array<char, kReadBytes> bytes{};
  while (true) {
    void* reply = nullptr;
    if (redisReaderGetReply(context_->reader, &reply) != REDIS_OK) {
      error_ = context_->reader->errstr;
      return nullptr;
    }
    if (reply != nullptr) {
      return Reply(static_cast<redisReply*>(reply));
    }
    const size_t got = tls_->read(bytes.data(), bytes.size(), deadline, error_);
    if (got == 0) {
      return nullptr;
    }
    CHECK(redisReaderFeed(context_->reader, bytes.data(), got) == REDIS_OK);
  }
}

bool RedisConnection::load_scripts() {
  return ask({"SCRIPT", "LOAD", kClaimScript}, &claim_script_) && ask({"SCRIPT", "LOAD", kFillScript}, &fill_script_) &&
         ask({"SCRIPT", "LOAD", kPutOwnedScript}, &put_owned_script_);
}

bool RedisConnection::ask(const std::vector<std::string_view>& words, std::string* answer) {
  append(words);
  const Reply reply = read();
  if (reply && reply->type == REDIS_REPLY_ERROR) {
    error_.assign(reply->str, reply->len);
  }
  const bool is_accepted = reply && reply->type != REDIS_REPLY_ERROR;
  if (is_accepted && answer != nullptr) {
    answer->assign(reply->str, reply->len);
  }
  return is_accepted;
}

}  // namespace hongbao

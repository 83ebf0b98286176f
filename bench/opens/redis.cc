// Redis: packets are split in advance into a list; one Lua script takes a share and remembers who took it. What people
// run today for red packets. Whether it is durable is the server's configuration.
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <charconv>
#include <map>

#include "core/packet.h"
#include "opens/system.h"

namespace hongbao::bench {
namespace {

constexpr size_t kPushAtOnce = 1'000;

// KEYS: the shares left, the takers. ARGV: the user. A share is "seq:amount"; nil when none is left.
constexpr const char* kOpenScript = R"(
local taken = redis.call('HGET', KEYS[2], ARGV[1])
if taken then return taken end
local share = redis.call('LPOP', KEYS[1])
if share then redis.call('HSET', KEYS[2], ARGV[1], share) end
return share)";

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// A bulk string, which is all that the script answers: $<length>\r\n<text>\r\n, or $-1\r\n.
size_t frame_bulk(std::string_view in) {
  const size_t end = in.find("\r\n");
  if (end == std::string_view::npos) {
    return 0;
  }
  int length = 0;
  std::from_chars(in.data() + 1, in.data() + end, length);
  const size_t whole = in[0] != '$' || length < 0 ? end + 2 : end + 2 + static_cast<size_t>(length) + 2;
  return in.size() >= whole ? whole : 0;
}

Result<Given> given_by_redis(std::string_view answer) {
  if (answer == "$-1\r\n") {
    return Given{};
  }
  const size_t text = answer.find("\r\n") + 2;
  const size_t colon = answer.find(':');
  if (!answer.starts_with('$') || colon == std::string_view::npos) {
    return fail(ErrorCode::kInternal, fmt::format("redis answers: {}", answer));
  }
  Given given;
  int64_t amount = 0;
  std::from_chars(answer.data() + text, answer.data() + colon, given.seq);
  std::from_chars(answer.data() + colon + 1, answer.data() + answer.size(), amount);
  given.amount = Money(amount);
  return given;
}

// Splits a packet in advance, by the rule that Hongbao draws with.
std::vector<std::string> split(Money total, uint32_t count) {
  const Order order{.total = total, .count = count};
  std::vector<std::string> shares;
  Money left = total;
  for (uint32_t seq = 1; seq <= count; ++seq) {
    const Money amount = draw_share(order, left, seq);
    left -= amount;
    shares.push_back(fmt::format("{}:{}", seq, amount.fen()));
  }
  return shares;
}

class Redis final : public System {
 public:
  explicit Redis(const SystemOptions& options) : options_(options), context_(redisConnect("127.0.0.1", options.port)) {}

  Result<void> prepare(const Workload& workload) override {
    auto loaded = command({"SCRIPT", "LOAD", kOpenScript});
    if (!loaded) {
      return std::unexpected(loaded.error());
    }
    const std::string script((*loaded)->str, (*loaded)->len);
    if (auto emptied = command({"FLUSHALL"}); !emptied) {
      return std::unexpected(emptied.error());
    }
    for (uint32_t packet = 0; packet < workload.counts.size(); ++packet) {
      if (auto pushed = push(packet, split(workload.total(packet), workload.counts[packet])); !pushed) {
        return pushed;
      }
    }
    requests_[Phase::kOpens] = requests(script, workload.opens);
    requests_[Phase::kLate] = requests(script, workload.late);
    return {};
  }

  Result<Measured> open(Phase phase) override {
    return open_through_sockets(options_, requests_.at(phase), frame_bulk, given_by_redis);
  }

 private:
  static std::string shares_key(uint32_t packet) { return fmt::format("packet:{}:shares", packet); }
  static std::string takers_key(uint32_t packet) { return fmt::format("packet:{}:takers", packet); }

  static std::string wire(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    char* out = nullptr;
    const int length = redisFormatCommandArgv(&out, static_cast<int>(words.size()), texts.data(), sizes.data());
    std::string text(out, static_cast<size_t>(length));
    redisFreeCommand(out);
    return text;
  }

  static std::vector<std::string> requests(const std::string& script, const std::vector<Open>& opens) {
    std::vector<std::string> out;
    for (const auto [packet, user] : opens) {
      out.push_back(wire({"EVALSHA", script, "2", shares_key(packet), takers_key(packet), Workload::user_name(user)}));
    }
    return out;
  }

  Result<void> push(uint32_t packet, const std::vector<std::string>& shares) {
    for (size_t from = 0; from < shares.size(); from += kPushAtOnce) {
      std::vector<std::string> words{"RPUSH", shares_key(packet)};
      for (size_t i = from; i < std::min(shares.size(), from + kPushAtOnce); ++i) {
        words.push_back(shares[i]);
      }
      if (auto pushed = command(words); !pushed) {
        return std::unexpected(pushed.error());
      }
    }
    return {};
  }

  Result<Reply> command(const std::vector<std::string>& words) {
    const std::string text = wire(words);
    void* raw = nullptr;
    if (context_ == nullptr || context_->err != 0 ||
        redisAppendFormattedCommand(context_.get(), text.data(), text.size()) != REDIS_OK ||
        redisGetReply(context_.get(), &raw) != REDIS_OK) {
      return fail(ErrorCode::kUnavailable, context_ == nullptr ? "redis: no memory" : context_->errstr);
    }
    Reply reply(static_cast<redisReply*>(raw));
    if (reply->type == REDIS_REPLY_ERROR) {
      return fail(ErrorCode::kInternal, fmt::format("redis: {}", reply->str));
    }
    return reply;
  }

  const SystemOptions options_;
  const std::unique_ptr<redisContext, FreeContext> context_;
  std::map<Phase, std::vector<std::string>> requests_;
};

}  // namespace

std::unique_ptr<System> make_redis(const SystemOptions& options) {
  return std::make_unique<Redis>(options);
}

}  // namespace hongbao::bench

// Where a microsecond goes: the pure parts of an open, each alone. Google Benchmark; nanoseconds a call.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "api/auth.h"
#include "api/json_input.h"
#include "api/jwks.h"
#include "api/jwks_test_keys.h"
#include "api/public/json_output.h"
#include "core/allocation.h"
#include "core/packet_id.h"
#include "core/ticket.h"
#include "net/http/parser.h"
#include "shard/engine.h"

namespace hongbao {
namespace {

constexpr ShardId kShard{Region::kSouth, 7};
const PacketKey kPacket{kShard, Day::of({1'795'000'000'000}), LocalNo::of(1, 42)};
const UserId kUser = UserId::trusted("user-000123");

Order order_of(uint32_t count, uint32_t counter) {
  return {.key = {kShard, kPacket.day, LocalNo::of(1, counter)},
          .sender = kUser,
          .total = Money(int64_t{count} * 100),
          .count = count,
          .payable_until = {2'000'000'000'000}};
}

void BM_ClassicShare(benchmark::State& state) {
  uint64_t draw = 1;
  for (auto _ : state) {
    draw = draw * 6364136223846793005ULL + 1442695040888963407ULL;
    benchmark::DoNotOptimize(classic_share(Money(1'000), 10, {Money(1), Money(20'000)}, draw));
  }
}
BENCHMARK(BM_ClassicShare);

void BM_DrawWords(benchmark::State& state) {
  const Seed seed;
  uint32_t seq = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(draw_words(seed, ++seq));
  }
}
BENCHMARK(BM_DrawWords);

void BM_PacketIdPrint(benchmark::State& state) {
  const PacketIdCodec ids(Key128{});
  for (auto _ : state) {
    benchmark::DoNotOptimize(ids.print(kPacket));
  }
}
BENCHMARK(BM_PacketIdPrint);

void BM_PacketIdParse(benchmark::State& state) {
  const PacketIdCodec ids(Key128{});
  const std::string id = ids.print(kPacket);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ids.parse(id));
  }
}
BENCHMARK(BM_PacketIdParse);

void BM_TicketCheck(benchmark::State& state) {
  const TicketCodec tickets(Key128{});
  const std::string ticket = tickets.print(kPacket, kUser, {2'000'000'000'000});
  for (auto _ : state) {
    benchmark::DoNotOptimize(tickets.check(ticket, kPacket, kUser, {1'795'000'000'000}));
  }
}
BENCHMARK(BM_TicketCheck);

void BM_EngineOpen(benchmark::State& state) {
  PacketTable table;
  ShardEngine engine(kShard, table, {});
  engine.start({1, VoucherNo{1}});
  uint32_t packets = 0;
  uint32_t opens = 0;
  const uint32_t count = 100'000;
  PacketKey key{};
  for (auto _ : state) {
    if (opens++ % count == 0) {
      const Order order = order_of(count, ++packets);
      key = order.key;
      (void)engine.loaded(key, std::nullopt);
      benchmark::DoNotOptimize(engine.decide(ActivateCommand{order}, {1}));
    }
    benchmark::DoNotOptimize(engine.decide(OpenCommand{key, UserId::trusted("u" + std::to_string(opens))}, {2}));
    if (opens % 256 == 0) {
      engine.committed();
    }
  }
}
BENCHMARK(BM_EngineOpen);

// Each token is new to the authenticator that it comes to; what it costs to remember it is in there.
void verify_first(benchmark::State& state, TokenAlgorithm algorithm) {
  constexpr size_t kTokens = 4'096;
  const AuthOptions options{.jwks_file = "x", .jwks = parse_jwks(test_jwks()).value()};
  const std::string header = fmt::format(R"({{"alg":"{}","typ":"JWT"}})", to_text(algorithm));
  std::vector<std::string> headers;
  for (size_t i = 0; i < kTokens; ++i) {
    const std::string claims = fmt::format(R"({{"sub":"user-{:06}","iat":0,"exp":4000000000}})", i);
    headers.push_back("Bearer " + test_token(algorithm, header, claims));
  }
  std::optional<Authenticator> authenticator;
  size_t next = 0;
  for (auto _ : state) {
    if (next == 0) {
      authenticator.emplace(options);
    }
    benchmark::DoNotOptimize(authenticator->caller_of(headers[next], {1'795'000'000'000}));
    next = (next + 1) % kTokens;
  }
}

void BM_TokenVerifyFirst(benchmark::State& state) {
  verify_first(state, TokenAlgorithm::kHs256);
}
BENCHMARK(BM_TokenVerifyFirst);

void BM_TokenVerifyFirstEs256(benchmark::State& state) {
  verify_first(state, TokenAlgorithm::kEs256);
}
BENCHMARK(BM_TokenVerifyFirstEs256);

void BM_TokenVerifyFirstEdDsa(benchmark::State& state) {
  verify_first(state, TokenAlgorithm::kEdDsa);
}
BENCHMARK(BM_TokenVerifyFirstEdDsa);

void BM_TokenVerifyAgain(benchmark::State& state) {
  const std::string secret(32, 's');
  const std::string header = "Bearer " + make_token({.secrets = {secret}}, kUser, {0}, {4'000'000'000'000});
  const Authenticator authenticator({.secrets = {secret}});
  for (auto _ : state) {
    benchmark::DoNotOptimize(authenticator.caller_of(header, {1'795'000'000'000}));
  }
}
BENCHMARK(BM_TokenVerifyAgain);

void BM_HttpHead(benchmark::State& state) {
  const std::string text = fmt::format(
      "POST /v1/packets/s007-261122-00000b3k9-4qz8mn2r:open HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n"
      "Content-Type: application/json\r\nContent-Length: 41\r\n\r\n{{\"ticket\":\"{}\"}}",
      std::string(150, 't'), std::string(28, 'x'));
  HttpRequest request;
  for (auto _ : state) {
    HttpRequestParser parser(request, 8'192, 16'384);
    benchmark::DoNotOptimize(parser.put(text));
  }
}
BENCHMARK(BM_HttpHead);

void BM_ReadJson(benchmark::State& state) {
  const std::string body = fmt::format(R"({{"ticket":"{}"}})", std::string(28, 'x'));
  for (auto _ : state) {
    JsonInput input(body);
    benchmark::DoNotOptimize(input.text("ticket", 64));
    benchmark::DoNotOptimize(input.finish());
  }
}
BENCHMARK(BM_ReadJson);

void BM_OpenJson(benchmark::State& state) {
  const OpenAnswer answer{OpenOutcome::kOpened, Share{3, kUser, Money(42), {1'795'000'000'000}, VoucherNo{99}}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(open_json(answer));
  }
}
BENCHMARK(BM_OpenJson);

}  // namespace
}  // namespace hongbao

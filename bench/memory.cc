// hongbao-memory: what a million resident packets take, by the operating system's account. For `./run bench memory`.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "base/check.h"
#include "base/crypto.h"
#include "shard/engine.h"

namespace hongbao::bench {
namespace {

constexpr ShardId kShard{Region::kSouth, 0};
constexpr Timestamp kNow{1'795'000'000'000};
constexpr uint32_t kShares = 10;

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void add_packet(ShardEngine& engine, uint32_t number, uint32_t opened) {
  const PacketKey key{kShard, Day::of(kNow), LocalNo::of(1, number)};
  Order order{.key = key,
              .sender = UserId::trusted(fmt::format("user-{:07}", number)),
              .total = Money(1'000),
              .count = kShares,
              .created_at = kNow,
              .payable_until = kNow};
  random_bytes(order.seed.bytes);
  CHECK(!engine.decide(LoadCommand{key}, kNow));
  CHECK(engine.loaded(key, std::nullopt));
  CHECK(engine.decide(ActivateCommand{order}, kNow));
  for (uint32_t i = 0; i < opened; ++i) {
    CHECK(engine.decide(OpenCommand{key, UserId::trusted(fmt::format("user-{:07}", number + i))}, kNow));
  }
  engine.committed();
}

}  // namespace
}  // namespace hongbao::bench

int main(int argc, char** argv) {
  using namespace hongbao;
  init_crypto();
  CLI::App app("Memory of resident packets of ten shares.", "hongbao-memory");
  uint32_t packets = 1'000'000;
  uint32_t opened = 5;
  app.add_option("--packets", packets)->capture_default_str();
  app.add_option("--opened", opened, "Shares of each that were opened")->capture_default_str()->check(CLI::Range(0, 9));
  CLI11_PARSE(app, argc, argv);
  PacketTable table;
  ShardEngine engine(bench::kShard, table, {.resident_bytes_max = SIZE_MAX});
  engine.start({.epoch = 1, .next_voucher = {1}});
  const double before = bench::resident_bytes();
  for (uint32_t number = 0; number < packets; ++number) {
    bench::add_packet(engine, number, opened);
  }
  const double each = (bench::resident_bytes() - before) / packets;
  fmt::print("{{\"packets\":{},\"opened\":{},\"bytes_per_packet\":{:.1f},\"bytes_accounted\":{:.1f}}}\n", packets,
             opened, each, static_cast<double>(engine.resident_bytes()) / packets);
}

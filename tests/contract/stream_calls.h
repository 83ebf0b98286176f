// Batches for a voucher stream, and what tests wait for, for streams of every adapter.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "adapters/nats/voucher_stream.h"
#include "contract/engines.h"
#include "contract/values.h"
#include "ports/voucher_stream.h"

namespace hongbao {

inline constexpr std::chrono::seconds kStreamForever{30};  // a test that waits so long has failed
inline constexpr Term kTerm{3ULL << 32};
inline constexpr Term kNextTerm{4ULL << 32};
inline constexpr Key256 kStreamKey{7};

// Of one batch, numbered from `from`.
inline std::vector<Voucher> batch(uint64_t from, size_t count) {
  std::vector<Voucher> vouchers;
  for (size_t i = 0; i < count; ++i) {
    vouchers.push_back(
        opened(from + i, key(3), static_cast<uint32_t>((from + i) % 1'000 + 1), "user" + std::to_string(i), 7));
  }
  return vouchers;
}

// Fetches until everything from `from` to `end` came in one piece; publishes nothing.
inline bool comes(VoucherStream& stream, uint64_t from, uint64_t end,
                  std::chrono::milliseconds limit = kStreamForever) {
  const auto give_up = std::chrono::steady_clock::now() + limit;
  uint64_t seen = 0;
  while (std::chrono::steady_clock::now() < give_up) {
    const auto got = stream.fetch(Follower::kInbox, {kShard, kTerm, {from}, end - from});
    if (got && got->size() == end - from && got->front().no == VoucherNo{from} &&
        got->back().no == VoucherNo{end - 1}) {
      return true;
    }
    stream.wait(seen, std::chrono::milliseconds(20));
  }
  return false;
}

// Makes `follower` one whose consumer is there: a batch published after it was made came. Returns the next number.
inline uint64_t begin(VoucherStream& publisher, VoucherStream& follower, uint64_t from = 1) {
  const auto give_up = std::chrono::steady_clock::now() + kStreamForever;
  while (std::chrono::steady_clock::now() < give_up) {
    publisher.publish(kShard, kTerm, batch(from, 1));
    if (comes(follower, from, from + 1, std::chrono::milliseconds(100))) {
      follower.acknowledge(Follower::kInbox, kShard, {from + 1});
      return from + 1;
    }
    ++from;
  }
  ADD_FAILURE() << "nothing ever came";
  return from;
}

// A small stream; `options` may ask for another age, and for what no setting has.
inline std::unique_ptr<NatsVoucherStream> open_nats_stream(const std::string& prefix, prometheus::Registry& registry,
                                                           NatsStreamOptions options = {}) {
  options.server.url = required_environment("HONGBAO_TEST_NATS");
  options.region = kShard.region;
  options.keys = kStreamKey;
  options.name_prefix = prefix;
  if (options.age_max == std::chrono::seconds(0)) {
    options.age_max = std::chrono::hours(1);
  }
  options.maintenance_pause = std::chrono::milliseconds(200);
  options.bytes_max = 16 << 20;
  options.replicas = 1;
  return NatsVoucherStream::open(options, registry).value();
}

}  // namespace hongbao

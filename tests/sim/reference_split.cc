#include "sim/reference_split.h"

#include <sodium.h>

#include <algorithm>

namespace hongbao::sim {
namespace {

constexpr int64_t kLeast = 1;
constexpr int64_t kGreatest = 20'000;

struct Words {
  uint64_t draw = 0;
  uint64_t rounding = 0;
};

Words words(const Order& order, uint64_t seq) {
  uint8_t message[8];
  for (int i = 0; i < 8; ++i) {
    message[i] = static_cast<uint8_t>(seq >> (8 * i));
  }
  uint8_t hash[32];
  crypto_generichash(hash, sizeof hash, message, sizeof message, order.seed.bytes.data(), order.seed.bytes.size());
  Words out;
  for (int i = 7; i >= 0; --i) {
    out.draw = out.draw << 8 | hash[i];
    out.rounding = out.rounding << 8 | hash[8 + i];
  }
  return out;
}

int64_t classic(int64_t left, int64_t count, Words random) {
  const int64_t lower = std::max(kLeast, left - (count - 1) * kGreatest);
  const int64_t upper = std::max<int64_t>(1, std::min({2 * left / count, left - (count - 1) * kLeast, kGreatest}));
  return std::max(static_cast<int64_t>(random.draw % static_cast<uint64_t>(upper)), lower);
}

int64_t fair(int64_t left, int64_t count, Words random) {
  const bool up = random.rounding % static_cast<uint64_t>(count) < static_cast<uint64_t>(2 * left % count);
  const int64_t sum = 2 * left / count + (up ? 1 : 0);
  const int64_t lower =
      std::max({kLeast, sum - kGreatest, left - (count - 1) * kGreatest, sum - (left - (count - 1) * kLeast)});
  return lower + static_cast<int64_t>(random.draw % static_cast<uint64_t>(sum - 2 * lower + 1));
}

}  // namespace

std::vector<int64_t> reference_split(const Order& order) {
  std::vector<int64_t> shares;
  int64_t left = order.total.fen();
  for (int64_t count = order.count; count > 0; --count) {
    const uint64_t seq = shares.size() + 1;
    int64_t share = left;
    if (order.rule == Rule::kEqual) {
      share = left / count + (left % count > 0 ? 1 : 0);
    } else if (count > 1) {
      share =
          order.rule == Rule::kClassic ? classic(left, count, words(order, seq)) : fair(left, count, words(order, seq));
    }
    shares.push_back(share);
    left -= share;
  }
  return shares;
}

}  // namespace hongbao::sim

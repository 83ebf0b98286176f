#include "opens/workload.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"

namespace hongbao::bench {
namespace {

constexpr uint32_t kSpreadPackets = 1'000;
// A prime above the shares of a packet, so that nobody opens a packet twice.
constexpr uint32_t kSpreadUsers = 100'003;

}  // namespace

Workload::Workload(Shape shape, uint32_t opens_wanted, uint32_t late_wanted) {
  for (uint32_t i = 0; i < opens_wanted; ++i) {
    const bool hot = shape == Shape::kHot;
    const uint32_t packet = hot ? i / kSharesPerPacketMax : i % kSpreadPackets;
    const uint32_t user = hot ? i % kSharesPerPacketMax : i % kSpreadUsers;
    if (packet == counts.size()) {
      counts.push_back(0);
    }
    ++counts[packet];
    opens.push_back({packet, user});
    users = std::max(users, user + 1);
  }
  const auto last = static_cast<uint32_t>(counts.size()) - 1;
  for (uint32_t i = 0; i < late_wanted; ++i) {
    late.push_back({last, users++});
  }
}

std::string Workload::user_name(uint32_t user) {
  return fmt::format("user-{:06}", user);
}

std::string find_error(const Workload& workload, const std::vector<Given>& given) {
  std::vector<std::vector<bool>> seen(workload.counts.size());
  std::vector<Money> sums(workload.counts.size());
  for (size_t i = 0; i < workload.opens.size(); ++i) {
    const uint32_t packet = workload.opens[i].packet;
    auto& shares = seen[packet];
    shares.resize(workload.counts[packet]);
    const auto [seq, amount] = given[i];
    if (seq < 1 || seq > shares.size() || amount < kShareLeast) {
      return fmt::format("open {} was given share {} of {} fen", i, seq, amount.fen());
    }
    if (shares[seq - 1]) {
      return fmt::format("share {} of packet {} was given twice", seq, packet);
    }
    shares[seq - 1] = true;
    sums[packet] += amount;
  }
  for (uint32_t packet = 0; packet < sums.size(); ++packet) {
    if (sums[packet] != workload.total(packet)) {
      return fmt::format("packet {} gave {} of {} fen", packet, sums[packet].fen(), workload.total(packet).fen());
    }
  }
  return {};
}

}  // namespace hongbao::bench

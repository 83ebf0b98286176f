// The calls that wait for their responses: who is told, until when, and where the request's frame stood. A table whose
// rows are used again, so that a call allocates nothing here. Calls of a flow are counted in one of kFlowCounts; flows
// that share one are counted together. The owner locks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/link/peer_connection.h"

namespace hongbao {

struct PeerCall {
  Done<std::string_view> done;
  SteadyTime deadline;
  uint64_t flow = 0;
  PeerFramePlace place{};
};

class PeerCalls {
 public:
  // Returns the call's id, which no call had before (until 2^32 others had its row).
  uint64_t add(PeerCall call);
  // nullptr, nullopt: it has been taken.
  [[nodiscard]] PeerCall* find(uint64_t id);
  std::optional<PeerCall> take(uint64_t id);
  // Appends to `out` those whose deadline has come; cheap while none has.
  void take_expired(SteadyTime now, std::vector<PeerCall>& out);
  void take_all(std::vector<PeerCall>& out) { take_expired(SteadyTime::max(), out); }

  [[nodiscard]] size_t size() const { return rows_.size() - free_.size(); }
  [[nodiscard]] size_t size_of_flow(uint64_t flow) const { return of_flow_[flow % kFlowCounts]; }

 private:
  static constexpr size_t kFlowCounts = 4'096;
  struct Row {
    uint32_t generation = 0;  // of the id that the row has now
    std::optional<PeerCall> call;
  };
  PeerCall free_row(uint32_t row);

  std::vector<Row> rows_;
  std::vector<uint32_t> free_;
  std::array<uint32_t, kFlowCounts> of_flow_{};
  SteadyTime earliest_ = SteadyTime::max();  // no deadline is before it
};

}  // namespace hongbao

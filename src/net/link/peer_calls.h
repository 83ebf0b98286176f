// The calls that wait for their responses: who is told, until when, and where the request's frame stood. A table whose
// rows are used again, so that a call allocates nothing here. The owner locks.
#pragma once

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

 private:
  struct Row {
    uint32_t generation = 0;  // of the id that the row has now
    std::optional<PeerCall> call;
  };
  void free_row(uint32_t row);

  std::vector<Row> rows_;
  std::vector<uint32_t> free_;
  SteadyTime earliest_ = SteadyTime::max();  // no deadline is before it
};

}  // namespace hongbao

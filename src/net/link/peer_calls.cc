#include "net/link/peer_calls.h"

#include <algorithm>
#include <utility>

namespace hongbao {

uint64_t PeerCalls::add(PeerCall call) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(rows_.size()));
    rows_.emplace_back();
  }
  const uint32_t row = free_.back();
  free_.pop_back();
  earliest_ = std::min(earliest_, call.deadline);
  ++of_flow_[call.flow % kFlowCounts];
  rows_[row].call = std::move(call);
  return static_cast<uint64_t>(rows_[row].generation) << 32 | row;
}

PeerCall* PeerCalls::find(uint64_t id) {
  const auto row = static_cast<uint32_t>(id);
  if (row >= rows_.size() || rows_[row].generation != id >> 32 || !rows_[row].call) {
    return nullptr;
  }
  return &*rows_[row].call;
}

std::optional<PeerCall> PeerCalls::take(uint64_t id) {
  return find(id) == nullptr ? std::nullopt : std::optional(free_row(static_cast<uint32_t>(id)));
}

// Returns the call that had it.
PeerCall PeerCalls::free_row(uint32_t row) {
  PeerCall call = std::move(*rows_[row].call);
  rows_[row].call.reset();
  ++rows_[row].generation;
  free_.push_back(row);
  --of_flow_[call.flow % kFlowCounts];
  return call;
}

void PeerCalls::take_expired(SteadyTime now, std::vector<PeerCall>& out) {
  if (now < earliest_) {
    return;
  }
  earliest_ = SteadyTime::max();
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    auto& call = rows_[row].call;
    if (call && call->deadline <= now) {
      out.push_back(free_row(row));
    } else if (call) {
      earliest_ = std::min(earliest_, call->deadline);
    }
  }
}

}  // namespace hongbao

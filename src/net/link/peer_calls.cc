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
  PeerCall* call = find(id);
  if (call == nullptr) {
    return std::nullopt;
  }
  std::optional<PeerCall> taken(std::move(*call));
  free_row(static_cast<uint32_t>(id));
  return taken;
}

void PeerCalls::free_row(uint32_t row) {
  rows_[row].call.reset();
  ++rows_[row].generation;
  free_.push_back(row);
}

void PeerCalls::take_expired(SteadyTime now, std::vector<PeerCall>& out) {
  if (now < earliest_) {
    return;
  }
  earliest_ = SteadyTime::max();
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    auto& call = rows_[row].call;
    if (call && call->deadline <= now) {
      out.push_back(std::move(*call));
      free_row(row);
    } else if (call) {
      earliest_ = std::min(earliest_, call->deadline);
    }
  }
}

}  // namespace hongbao

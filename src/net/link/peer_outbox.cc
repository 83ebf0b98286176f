#include "net/link/peer_outbox.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hongbao {
namespace {

// Few bytes, without which the other node would learn nothing.
bool is_sign(PeerFrameType type) {
  return type == PeerFrameType::kRefusal || type == PeerFrameType::kHeartbeat;
}

}  // namespace

PeerOutbox::PeerOutbox(const PeerLimits& limits)
    : bytes_max_(limits.outgoing_bytes_max),
      apart_bytes_max_(limits.outgoing_bytes_max - limits.outgoing_bytes_max / 4),
      flow_bytes_max_(limits.flow_bytes_max) {}

std::optional<PeerFramePlace> PeerOutbox::put(const PeerFrame& frame, uint64_t flow) {
  const size_t bytes = kPeerFrameHeader_bytes + frame.payload.size();
  if (is_sign(frame.type)) {
    return waiting_bytes() + bytes > bytes_max_ + kPeerSignsBytes ? std::nullopt
                                                                  : std::optional(put_together(frame, 0));
  }
  if (waiting_bytes() + bytes > bytes_max_ && !empty()) {
    return std::nullopt;
  }
  return is_small(bytes, flow) ? std::optional(put_together(frame, flow)) : put_apart(frame, flow);
}

// Counts it too, when it is: a flow has only so many.
bool PeerOutbox::is_small(size_t frame_bytes, uint64_t flow) {
  if (frame_bytes > kSmallFrameBytes || flow == 0) {
    return frame_bytes <= kSmallFrameBytes;
  }
  SmallBytes& small = small_bytes_[flow % small_bytes_.size()];
  if (small.batch != batch_) {
    small = {.batch = batch_};
  }
  if (small.bytes + frame_bytes > kSmallBytesOfFlow) {
    return false;
  }
  small.bytes += frame_bytes;
  return true;
}

PeerFramePlace PeerOutbox::put_together(const PeerFrame& frame, uint64_t flow) {
  const PeerFramePlace place{.number = batch_, .at = together_.size(), .flow = flow};
  append_frame(together_, frame);
  return place;
}

std::optional<PeerFramePlace> PeerOutbox::put_apart(const PeerFrame& frame, uint64_t flow) {
  const size_t bytes = kPeerFrameHeader_bytes + frame.payload.size();
  const auto known = flows_.find(flow);
  const size_t of_flow = known == flows_.end() ? 0 : known->second->bytes;
  if (flow != 0 && ((apart_bytes_ > 0 && apart_bytes_ + bytes > apart_bytes_max_) ||
                    (of_flow > 0 && of_flow + bytes > flow_bytes_max_))) {
    return std::nullopt;
  }
  if (known == flows_.end()) {
    turns_.push_back({.key = flow, .frames = {}});
    flows_.emplace(flow, std::prev(turns_.end()));
  }
  Flow& queue = known == flows_.end() ? turns_.back() : *known->second;
  Waiting& waiting = queue.frames.emplace_back(next_number_++);
  waiting.frame.reserve(bytes);
  append_frame(waiting.frame, frame);
  queue.bytes += bytes;
  apart_bytes_ += bytes;
  return PeerFramePlace{.number = waiting.number, .flow = flow, .is_apart = true};
}

bool PeerOutbox::withdraw(const PeerFramePlace& place) {
  if (!place.is_apart) {
    if (place.number != batch_) {
      return false;
    }
    withdraw_frame(together_, place.at);
    return true;
  }
  const auto known = flows_.find(place.flow);
  if (known == flows_.end()) {
    return false;
  }
  Flow& flow = *known->second;
  const auto waiting = std::ranges::lower_bound(flow.frames, place.number, {}, &Waiting::number);
  if (waiting == flow.frames.end() || waiting->number != place.number) {
    return false;
  }
  flow.bytes -= waiting->frame.size();
  apart_bytes_ -= waiting->frame.size();
  flow.frames.erase(waiting);
  if (flow.frames.empty()) {
    turns_.erase(known->second);
    flows_.erase(known);
  }
  return true;
}

bool PeerOutbox::is_full_for(uint64_t flow) const {
  if (flow == 0) {
    return false;
  }
  const auto known = flows_.find(flow);
  const size_t of_flow = known == flows_.end() ? 0 : known->second->bytes;
  return of_flow > kEnoughBytesOfFlow || waiting_bytes() + kSmallFrameBytes > bytes_max_;
}

void PeerOutbox::take(std::string& out) {
  CHECK(out.empty());
  std::swap(out, together_);
  ++batch_;
  const size_t end = out.size() + kTurnBytes;
  while (!turns_.empty() && out.size() < end) {
    take_turn(out);
  }
}

void PeerOutbox::take_turn(std::string& out) {
  Flow& flow = turns_.front();
  flow.credit += kTurnBytes;
  while (!flow.frames.empty() && flow.frames.front().frame.size() <= flow.credit) {
    const std::string& frame = flow.frames.front().frame;
    out += frame;
    flow.credit -= frame.size();
    flow.bytes -= frame.size();
    apart_bytes_ -= frame.size();
    flow.frames.pop_front();
  }
  if (flow.frames.empty()) {
    flows_.erase(flow.key);
    turns_.pop_front();
  } else {
    turns_.splice(turns_.end(), turns_, turns_.begin());
  }
}

}  // namespace hongbao

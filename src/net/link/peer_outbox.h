// The frames that wait to leave on one connection, and whose turn it is. The owner locks.
//
// A flow is whoever the traffic is for, as a number that the layer above gives; flow 0 is the nodes' own. The rule:
//   small frames    leave first and together, in the order they came: one buffer, one append for each.
//   all others      wait apart, a queue for each flow: those of more than kSmallFrameBytes, and what a flow has beyond
//                   kSmallBytesOfFlow of small ones. Flows take turns at kTurnBytes each (deficit round robin), and one
//                   write takes about that much of them, or one frame. So a small frame waits for at most one large
//                   one.
// What fits: of outgoing_bytes_max a quarter is left to small frames, and a flow has flow_bytes_max apart; frames of
// flow 0 need only fit into the whole. Refusals and heartbeats may exceed the whole by kPeerSignsBytes: whoever reads
// at all can be told no. A frame finds room as long as nothing waits.
//
// The small bytes of flows are counted in rows that a few flows share: one that shares a row with a greedy one may come
// apart too, and nothing worse.
#pragma once

#include <array>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "net/link/peer_frame.h"

namespace hongbao {

// Where a frame stands while it waits.
struct PeerFramePlace {
  uint64_t number = 0;  // of the batch of small frames that it is in, or of the frame
  uint64_t at = 0;      // in the batch
  uint64_t flow = 0;
  bool is_apart = false;
};

class PeerOutbox {
 public:
  static constexpr size_t kSmallFrameBytes = 4 * 1024;
  static constexpr size_t kSmallBytesOfFlow = 64 * 1024;
  static constexpr size_t kTurnBytes = 64 * 1024;
  static constexpr size_t kEnoughBytesOfFlow = 2 * kTurnBytes;

  explicit PeerOutbox(const PeerLimits& limits);

  // nullopt: there is no room for it.
  std::optional<PeerFramePlace> put(const PeerFrame& frame, uint64_t flow);
  // True: the frame waited, and is not sent. False: it was taken.
  bool withdraw(const PeerFramePlace& place);
  // More need not be made for this flow: so much waits apart that its next turns are filled, or no small frame has
  // room.
  [[nodiscard]] bool is_full_for(uint64_t flow) const;

  // Moves to `out`, which is empty, what leaves with the next write.
  void take(std::string& out);
  [[nodiscard]] bool empty() const { return together_.empty() && turns_.empty(); }

 private:
  struct Waiting {
    uint64_t number;
    std::string frame;
  };
  struct Flow {
    uint64_t key;
    std::deque<Waiting> frames;
    size_t bytes = 0;
    size_t credit = 0;  // what it may still send of its turns
  };
  struct SmallBytes {
    uint64_t batch = 0;  // what they are in; bytes of an earlier one have left
    size_t bytes = 0;
  };

  [[nodiscard]] size_t waiting_bytes() const { return together_.size() + apart_bytes_; }
  bool is_small(size_t frame_bytes, uint64_t flow);
  PeerFramePlace put_together(const PeerFrame& frame, uint64_t flow);
  std::optional<PeerFramePlace> put_apart(const PeerFrame& frame, uint64_t flow);
  void take_turn(std::string& out);

  const size_t bytes_max_;
  const size_t apart_bytes_max_;
  const size_t flow_bytes_max_;
  std::string together_;
  uint64_t batch_ = 1;  // counts how often `together_` was taken
  std::array<SmallBytes, 1'024> small_bytes_{};
  std::list<Flow> turns_;  // those that wait apart; the front one is next
  std::unordered_map<uint64_t, std::list<Flow>::iterator> flows_;
  size_t apart_bytes_ = 0;
  uint64_t next_number_ = 0;
};

}  // namespace hongbao

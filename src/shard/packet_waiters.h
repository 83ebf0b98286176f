// The commands that wait for packets to be read, by packet. A packet is asked for once, and stays here until it was
// read, even if nobody waits any more: no command is decided on it meanwhile, so what was read is current.
//
// Owned by the shard. One thread: its writer.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "shard/command.h"

namespace hongbao {

class PacketWaiters {
 public:
  // How much later than its deadline a command may be told.
  static constexpr std::chrono::milliseconds kOverduePause{200};

  explicit PacketWaiters(size_t commands_max) : commands_max_(commands_max) {}

  // True: nothing waited for its packet before, which has to be read now. A command that is one too many is refused.
  [[nodiscard]] bool add(PendingCommand command);
  // Those that waited for this packet, in their order; nullopt: it was not asked for.
  [[nodiscard]] std::optional<std::vector<PendingCommand>> take(const PacketKey& packet);

  // Tells those whose deadline has passed, and looks for them at most once in kOverduePause.
  void refuse_overdue(SteadyTime now);
  // Forgets all packets.
  void refuse_all(ErrorCode code, const std::string& detail);

  [[nodiscard]] bool empty() const { return packets_.empty(); }

 private:
  const size_t commands_max_;
  std::unordered_map<PacketKey, std::vector<PendingCommand>> packets_;
  size_t commands_ = 0;
  SteadyTime look_for_overdue_at_;
};

// Tells those whose deadline has passed, and leaves the others in their order.
template <class Waiting>
void refuse_overdue(std::vector<Waiting>& all, SteadyTime now, ErrorCode code, const char* detail) {
  std::erase_if(all, [&](Waiting& each) {
    if (each.deadline >= now) {
      return false;
    }
    each.done(fail(code, detail));
    return true;
  });
}

}  // namespace hongbao

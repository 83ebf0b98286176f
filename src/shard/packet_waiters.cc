#include "shard/packet_waiters.h"

#include <utility>

#include "shard/packet_loader.h"

namespace hongbao {

bool PacketWaiters::add(PendingCommand command) {
  if (commands_ >= commands_max_) {
    command.done(fail(ErrorCode::kOverloaded, "too many commands wait for packets to load"));
    return false;
  }
  const auto [waiters, is_first] = packets_.try_emplace(packet_of(command.command));
  waiters->second.push_back(std::move(command));
  ++commands_;
  return is_first;
}

std::optional<std::vector<PendingCommand>> PacketWaiters::take(const PacketKey& packet) {
  auto found = packets_.extract(packet);
  if (!found) {
    return std::nullopt;
  }
  commands_ -= found.mapped().size();
  return std::move(found.mapped());
}

void PacketWaiters::refuse_overdue(SteadyTime now) {
  if (packets_.empty() || now < look_for_overdue_at_) {
    return;
  }
  look_for_overdue_at_ = now + kOverduePause;
  for (auto& [packet, waiters] : packets_) {
    commands_ -= waiters.size();
    hongbao::refuse_overdue(waiters, now, ErrorCode::kDeadlineExceeded, kSlowLoadDetail);
    commands_ += waiters.size();
  }
}

void PacketWaiters::refuse_all(ErrorCode code, const std::string& detail) {
  for (auto& [packet, waiters] : packets_) {
    for (PendingCommand& waiter : waiters) {
      waiter.done(fail(code, detail));
    }
  }
  packets_.clear();
  commands_ = 0;
}

}  // namespace hongbao

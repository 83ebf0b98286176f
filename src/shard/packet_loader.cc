#include "shard/packet_loader.h"

#include <utility>
#include <vector>

#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kLoadIdleWait{1'000};
constexpr size_t kLoadsAtOnceMax = 64;

}  // namespace

PacketLoader::PacketLoader(ShardId shard, OrderStore& store, const Clock& clock, size_t waiting_max, Arrived arrived)
    : shard_(shard),
      store_(store),
      clock_(clock),
      arrived_(std::move(arrived)),
      hot_(waiting_max),
      cold_(waiting_max) {}

void PacketLoader::start() {
  loader_ = std::thread([this] { repeat("loader-", &PacketLoader::load_step, hot_); });
  cold_loader_ = std::thread([this] { repeat("cold-", &PacketLoader::load_cold_step, cold_); });
}

// The cold one last: the other one leaves it work until it ends.
void PacketLoader::stop() {
  hot_.close();
  if (loader_.joinable()) {
    loader_.join();
  }
  cold_.close();
  if (cold_loader_.joinable()) {
    cold_loader_.join();
  }
}

void PacketLoader::repeat(const char* name, Step step, const Mailbox<LoadRequest>& requests) {
  name_this_thread(name + to_text(shard_));
  while ((this->*step)(kLoadIdleWait) || !requests.closed()) {
  }
}

bool PacketLoader::load_step(std::chrono::milliseconds idle_wait) {
  std::vector<LoadRequest> requests;
  hot_.take(requests, kLoadsAtOnceMax, idle_wait);
  for (const LoadRequest& request : requests) {
    auto found = store_.load_hot(request.packet);
    if (found && found->may_be_cold) {
      cold_.push_unbounded(request);
      continue;
    }
    arrived_({request,
              found ? Result<std::optional<StoredPacket>>(std::move(found->packet)) : std::unexpected(found.error())});
  }
  return !requests.empty();
}

bool PacketLoader::load_cold_step(std::chrono::milliseconds idle_wait) {
  std::vector<LoadRequest> requests;
  cold_.take(requests, kLoadsAtOnceMax, idle_wait);
  for (const LoadRequest& request : requests) {
    const bool overdue = clock_.steady_now() > request.deadline;
    arrived_({request, overdue ? fail(ErrorCode::kDeadlineExceeded, kSlowLoadDetail) : store_.load(request.packet)});
  }
  return !requests.empty();
}

}  // namespace hongbao

// Reads packets that a shard's writer misses, each on its behalf: one step for packets that lie hot, and another one
// for those that may be cold, whose storage may be slow or away. What was read goes back through `arrived`.
//
// Steps are as the shard's (shard/shard.h): `start` gives each a thread that repeats it; a simulator calls them itself.
// `ask`: the writer. `start` and `stop`: the owner. `arrived` is called in the steps.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/result.h"
#include "ports/order_store.h"

namespace hongbao {

inline constexpr const char* kSlowLoadDetail = "the packet could not be read in time";

struct LoadRequest {
  PacketKey packet;
  uint32_t epoch;
  SteadyTime deadline;  // of the first command that waits for it
};

struct LoadedPacket {
  LoadRequest request;
  Result<std::optional<StoredPacket>> stored;
};

class PacketLoader {
 public:
  using Arrived = std::function<void(LoadedPacket)>;

  // `waiting_max`: how many requests wait at most; the writer keeps to it.
  PacketLoader(ShardId shard, OrderStore& store, const Clock& clock, size_t waiting_max, Arrived arrived);
  ~PacketLoader() { stop(); }
  PacketLoader(const PacketLoader&) = delete;
  PacketLoader& operator=(const PacketLoader&) = delete;

  void ask(const LoadRequest& request) { hot_.push_unbounded(request); }

  void start();
  // Reads what was asked for, and joins the threads.
  void stop();

  // Reads what waits, waiting up to `idle_wait` for the first one, and leaves packets that may be cold to the other
  // step. False: there were none.
  bool load_step(std::chrono::milliseconds idle_wait);
  // When cold storage is slower than packets are asked for, those that nobody waits for any more are left out.
  bool load_cold_step(std::chrono::milliseconds idle_wait);

 private:
  using Step = bool (PacketLoader::*)(std::chrono::milliseconds idle_wait);
  void repeat(const char* name, Step step, const Mailbox<LoadRequest>& requests);

  const ShardId shard_;
  OrderStore& store_;
  const Clock& clock_;
  const Arrived arrived_;
  Mailbox<LoadRequest> hot_;
  Mailbox<LoadRequest> cold_;
  std::thread loader_;
  std::thread cold_loader_;
};

}  // namespace hongbao

// Orders before their payment. They live in the cache only: an order that is never paid never reaches the order store.
// What the cache keeps of an order is its pay token, which is the whole order, and its greeting, which is shown for as
// long as it is there; this process's memory is asked for greetings first. Idempotency of sends
// rests here as well: sender and key lead to the first order made for them. Where the cache ends with the process, a
// store keeps the greetings of paid packets, and they are put into the cache again at the start.
//
// Any thread. Callbacks run where the cache runs them.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/packet_id.h"
#include "core/pay_token.h"
#include "core/send_request.h"
#include "ports/cache.h"
#include "ports/greeting_store.h"
#include "service/cache_reads.h"
#include "service/near_cache.h"

namespace hongbao {

struct PreOrder {
  Order order;
  std::string pay_token;
  std::string greeting;
};

class PreOrders {
 public:
  static constexpr size_t kEntriesPerSend = 2;  // in the cache: by its key and by its packet
  static constexpr std::chrono::minutes kGreetingNearTtl{10};
  static constexpr std::chrono::seconds kGreetingLostTtl{10};
  static constexpr size_t kGreetingsRestoredMax = 1'000'000;
  static constexpr NearCacheLimits kGreetingLimits{.entries_max = 65'536, .callers_waiting_max = 4'096};

  // Entries are kept for `keep`. `store`: null when the cache outlives the process. All outlive it.
  PreOrders(Cache& cache, const PayTokenCodec& pay_tokens, const PacketIdCodec& ids, std::chrono::milliseconds keep,
            const Clock& clock, prometheus::Registry& registry, GreetingStore* store = nullptr)
      : cache_(cache),
        pay_tokens_(pay_tokens),
        ids_(ids),
        keep_(keep),
        clock_(clock),
        store_(store),
        greetings_("greetings", kGreetingLimits, clock, registry),
        greeting_reads_(registry, "greetings") {}

  // Calls back with the order that stands for this sender and key: `candidate`, or the one made before.
  // kIdempotencyKeyReused: the one made before answers another request.
  void put(std::string_view idempotency_key, const SendRequest& request, PreOrder candidate, Done<PreOrder> done);

  void find(const PacketKey& packet, Done<std::optional<PreOrder>> done);

  // The packet was paid: what its sender says is kept.
  void keep_greeting(const Order& order);
  // Before the first of all other calls: what was kept is in the cache again.
  Result<void> restore_greetings();

  // What the packet's sender says, or kGreetingDefault when that was lost. For a packet that was paid.
  void greeting(const PacketKey& packet, std::move_only_function<void(std::string)> done);

 private:
  using Greetings = NearCache<PacketKey, std::string>;

  Cache& cache_;
  const PayTokenCodec& pay_tokens_;
  const PacketIdCodec& ids_;
  const std::chrono::milliseconds keep_;
  const Clock& clock_;
  GreetingStore* const store_;
  Greetings greetings_;
  CacheReads greeting_reads_;
};

}  // namespace hongbao

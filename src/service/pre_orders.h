// Orders before their payment. They live in the cache only: an order that is never paid never reaches the order store.
// What the cache keeps of an order is its pay token, which is the whole order, and its greeting. Idempotency of sends
// rests here as well: sender and key lead to the first order made for them.
//
// Any thread. Callbacks run where the cache runs them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/packet_id.h"
#include "core/pay_token.h"
#include "core/send_request.h"
#include "ports/cache.h"

namespace hongbao {

struct PreOrder {
  Order order;
  std::string pay_token;
  std::string greeting;
};

class PreOrders {
 public:
  // Entries outlive the packet by `keep`, because the greeting is shown as long as the packet is.
  PreOrders(Cache& cache, const PayTokenCodec& pay_tokens, const PacketIdCodec& ids, std::chrono::milliseconds keep)
      : cache_(cache), pay_tokens_(pay_tokens), ids_(ids), keep_(keep) {}

  // Calls back with the order that stands for this sender and key: `candidate`, or the one made before.
  // kIdempotencyKeyReused: the one made before answers another request.
  void put(std::string_view idempotency_key, const SendRequest& request, PreOrder candidate, Done<PreOrder> done);

  void find(const PacketKey& packet, Done<std::optional<PreOrder>> done);

 private:
  Cache& cache_;
  const PayTokenCodec& pay_tokens_;
  const PacketIdCodec& ids_;
  const std::chrono::milliseconds keep_;
};

}  // namespace hongbao

// A pay token is the order itself, sealed: whoever pays presents it, and a paid order survives the loss of every cache.
// It is encrypted as well as authenticated because it carries the seed, which nobody may see before the packet is
// finished (docs/adr/0003). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "core/key_ring.h"
#include "core/packet.h"

namespace hongbao {

class PayTokenCodec {
 public:
  explicit PayTokenCodec(Subkeys<Key256> keys) : keys_(keys) {}

  // `nonce` must be fresh random bytes.
  [[nodiscard]] std::string print(const Order& order, const SealNonce& nonce) const;
  // nullopt for anything that `print` did not make with the same key.
  [[nodiscard]] std::optional<Order> parse(std::string_view token) const;

 private:
  Subkeys<Key256> keys_;
};

}  // namespace hongbao

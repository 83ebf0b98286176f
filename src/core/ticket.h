// A ticket: proof that `grab` let this user through to `open` this packet. A keyed hash over packet, user and expiry;
// no storage. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "core/ids.h"
#include "core/key_ring.h"

namespace hongbao {

class TicketCodec {
 public:
  explicit TicketCodec(Subkeys<Key128> keys) : keys_(keys) {}

  [[nodiscard]] std::string print(const PacketKey& packet, const UserId& user, Timestamp expires_at) const;
  // kTicketInvalid: not made for this packet and user; kTicketExpired.
  [[nodiscard]] Result<void> check(std::string_view ticket, const PacketKey& packet, const UserId& user,
                                   Timestamp now) const;

 private:
  Subkeys<Key128> keys_;
};

}  // namespace hongbao

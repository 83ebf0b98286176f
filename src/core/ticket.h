// A ticket: proof that `grab` let this user through to `open` this packet. A keyed hash over packet, user and expiry;
// no storage. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "core/ids.h"

namespace hongbao {

class TicketCodec {
 public:
  explicit TicketCodec(const Key128& key) : key_(key) {}

  [[nodiscard]] std::string print(const PacketKey& packet, const UserId& user, Timestamp expires_at) const;
  // kTicketInvalid: not made for this packet and user; kTicketExpired.
  [[nodiscard]] Result<void> check(std::string_view ticket, const PacketKey& packet, const UserId& user,
                                   Timestamp now) const;

 private:
  [[nodiscard]] Hash128 tag(const PacketKey& packet, const UserId& user, int64_t expires_s) const;

  Key128 key_;
};

}  // namespace hongbao

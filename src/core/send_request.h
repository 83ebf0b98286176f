// What a sender asks for, and the rules it must keep. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "core/packet.h"

namespace hongbao {

// What a packet says when its sender said nothing, or when the cache lost what the sender said.
inline constexpr std::string_view kGreetingDefault = "恭喜发财，大吉大利";

struct SendRequest {
  PacketKind kind = PacketKind::kLucky;
  Rule rule = Rule::kClassic;
  Money total;
  uint32_t count = 0;
  std::string greeting;  // UTF-8
  UserId recipient{};
  GroupId group{};  // empty: it is for whoever knows its id

  friend bool operator==(const SendRequest&, const SendRequest&) = default;
};

// kInvalidField with the field and the rule that it breaks.
Result<void> check_send_request(const SendRequest& request);

// Equal requests have equal fingerprints, and no two others.
std::string fingerprint(const SendRequest& request);

// 1 to `length_max` visible ASCII characters: what callers name their requests and payments with.
bool is_name(std::string_view text, size_t length_max);

// Equal senders and keys have equal send keys, and no two others. `idempotency_key`: any text.
SendKey send_key_of(const UserId& sender, std::string_view idempotency_key);

}  // namespace hongbao

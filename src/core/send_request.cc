#include "core/send_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "core/limits.h"
#include "core/shown_text.h"

namespace hongbao {
namespace {

std::unexpected<Error> invalid(std::string field, std::string rule) {
  return fail(ErrorCode::kInvalidField, std::move(rule), std::move(field));
}

Result<void> check_greeting(std::string_view greeting) {
  if (count_characters(greeting) > kGreetingCharactersMax) {
    return invalid("greeting", fmt::format("must have at most {} characters, which are Unicode code points",
                                           kGreetingCharactersMax));
  }
  if (without_controls(greeting) != greeting) {
    return invalid("greeting", "must not have control or format characters");
  }
  if (!greeting.empty() && !shows_anything(greeting)) {
    return invalid("greeting", "must show something, or be empty");
  }
  return {};
}

Result<void> check_kind(const SendRequest& request) {
  const bool exclusive = request.kind == PacketKind::kExclusive;
  if (exclusive && request.recipient.empty()) {
    return invalid("recipient_id", "is required for an exclusive packet");
  }
  if (!exclusive && !request.recipient.empty()) {
    return invalid("recipient_id", "is only for exclusive packets");
  }
  if (exclusive && request.count != 1) {
    return invalid("count", "must be 1 for an exclusive packet");
  }
  if ((request.kind == PacketKind::kLucky) == (request.rule == Rule::kEqual)) {
    return invalid("allocation", "must be classic or fair for a lucky packet, and equal for the other kinds");
  }
  return {};
}

}  // namespace

Result<void> check_send_request(const SendRequest& request) {
  if (request.count < 1 || request.count > kSharesPerPacketMax) {
    return invalid("count", fmt::format("must be from 1 to {}", kSharesPerPacketMax));
  }
  if (request.total < kShareLeast * request.count) {
    return invalid("total_amount",
                   fmt::format("must be at least {} fen for each of the {} shares", kShareLeast.fen(), request.count));
  }
  if (request.total > kShareGreatest * request.count) {
    return invalid("total_amount", fmt::format("must be at most {} fen for each of the {} shares", kShareGreatest.fen(),
                                               request.count));
  }
  if (auto kind = check_kind(request); !kind) {
    return kind;
  }
  return check_greeting(request.greeting);
}

std::string fingerprint(const SendRequest& request) {
  const std::string fields =
      fmt::format("{}/{}/{}/{}/{}/{}/{}", to_text(request.kind), to_text(request.rule), request.total.fen(),
                  request.count, request.recipient.text(), request.group.text(), request.greeting);
  return to_hex(blake2b(as_bytes(fields)));
}

bool is_name(std::string_view text, size_t length_max) {
  const auto is_visible = [](char c) { return c > ' ' && c < 0x7f; };
  return !text.empty() && text.size() <= length_max && std::ranges::all_of(text, is_visible);
}

SendKey send_key_of(const UserId& sender, std::string_view idempotency_key) {
  // A user id has no slash.
  const Hash256 hash = blake2b(as_bytes(fmt::format("send/{}/{}", sender.text(), idempotency_key)));
  SendKey key;
  std::copy_n(hash.begin(), key.size(), key.begin());
  return key;
}

}  // namespace hongbao

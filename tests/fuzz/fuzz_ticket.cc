// Tickets. Lines: a text as a client sends it; packet and user that ask with it; expiry and now in seconds; another
// user; a change of the genuine ticket.
#include "base/check.h"
#include "core/ticket.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

constexpr int64_t kSecondsMax = 1LL << 40;  // a ticket has room for no more
const TicketCodec kCodec(kFuzzKey128);

Timestamp at_second(uint64_t number) {
  return {static_cast<int64_t>(number) % kSecondsMax * 1'000};
}

ErrorCode code_of(const Result<void>& result) {
  CHECK(!result);
  return result.error().code;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  const std::string_view presented = input.line();
  const PacketKey packet = input.packet();
  const UserId user = input.user();
  const Timestamp expires_at = at_second(input.number() >> 1);
  const Timestamp now = at_second(input.number() >> 1);
  const UserId other = input.user();

  const std::string ticket = kCodec.print(packet, user, expires_at);
  const bool in_time = now <= expires_at;
  const auto genuine = kCodec.check(ticket, packet, user, now);
  CHECK(in_time ? genuine.has_value() : code_of(genuine) == ErrorCode::kTicketExpired);

  CHECK(other == user || code_of(kCodec.check(ticket, packet, other, now)) == ErrorCode::kTicketInvalid);
  PacketKey next = packet;
  next.local.value ^= 1;
  CHECK(code_of(kCodec.check(ticket, next, user, now)) == ErrorCode::kTicketInvalid);
  CHECK(code_of(kCodec.check(with_one_change(ticket, input), packet, user, now)) == ErrorCode::kTicketInvalid);

  // One ticket has one spelling: what is taken is what `print` makes for the time it carries.
  if (kCodec.check(presented, packet, user, Timestamp{0})) {
    int64_t carried_s = 0;
    for (const char byte : from_base64url(presented)->substr(0, 5)) {
      carried_s = carried_s << 8 | static_cast<uint8_t>(byte);
    }
    CHECK(kCodec.print(packet, user, {carried_s * 1'000}) == presented);
  }
  return 0;
}

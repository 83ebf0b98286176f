// The Hongbao-Signature header. Lines: a header as a channel sends it; the time a genuine one is made at; now in
// milliseconds; a change of the header; the body.
#include <cstdlib>

#include "base/check.h"
#include "core/channel_signature.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

constexpr std::string_view kSecret = "the fuzzers' channel secret";

bool is_stale(int64_t signed_s, Timestamp now) {
  return std::abs(now.unix_ms / 1'000 - signed_s) > std::chrono::seconds(kNotificationAgeMax).count();
}

// What is taken was signed as the contract says: over its time as written, a dot, and the body.
void check_header(std::string_view header, std::string_view body, Timestamp now) {
  if (!check_notification(kSecret, header, body, now)) {
    return;
  }
  const size_t comma = header.find(",v1=");
  CHECK(header.starts_with("t=") && comma != std::string_view::npos);
  const std::string time(header.substr(2, comma - 2));
  const std::string signed_text = time + "." + std::string(body);
  CHECK(header.substr(comma + 4) == to_hex(hmac_sha256(as_bytes(kSecret), as_bytes(signed_text))));
  CHECK(!is_stale(std::strtoll(time.c_str(), nullptr, 10), now));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  const std::string_view presented = input.line();
  const Timestamp at{static_cast<int64_t>(input.number() >> 1)};
  const Timestamp now{static_cast<int64_t>(input.number() >> 1)};
  FuzzInput change = input;
  for (int i = 0; i < 3; ++i) {
    input.line();
  }
  const std::string body(input.rest());
  const std::string header = sign_notification(kSecret, at, body);

  const auto genuine = check_notification(kSecret, header, body, now);
  CHECK(genuine.has_value() == !is_stale(at.unix_ms / 1'000, now));
  CHECK(genuine || genuine.error().code == ErrorCode::kNotificationStale);
  CHECK(!check_notification(kSecret, header, body + " ", now));
  CHECK(!check_notification("another secret", header, body, now));
  check_header(presented, body, kFuzzNow);
  const std::string changed = with_one_change(header, change);
  CHECK(!check_notification(kSecret, changed, body, now));
  return 0;
}

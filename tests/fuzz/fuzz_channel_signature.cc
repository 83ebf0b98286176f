// The Hongbao-Signature header. Lines: a header as a channel sends it; the time a genuine one is made at; now in
// milliseconds; a change of the header; the body.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/check.h"
#include "core/channel_signature.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

constexpr std::string_view kSecret = "the fuzzers' channel secret";
const std::vector<std::string> kSecrets{"the one before it", std::string(kSecret)};

bool is_stale(int64_t signed_s, Timestamp now) {
  return std::abs(now.unix_ms / 1'000 - signed_s) > std::chrono::seconds(kNotificationAgeMax).count();
}

// What is taken was signed as the contract says: one of its signatures is over its time as written, a dot, and the
// body.
void check_header(std::string_view header, std::string_view body, Timestamp now) {
  if (!check_notification(kSecrets, header, body, now)) {
    return;
  }
  std::string time;
  std::vector<std::string_view> signatures;
  while (!header.empty()) {
    const std::string_view element = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), element.size() + 1));
    if (element.starts_with("t=")) {
      CHECK(time.empty());
      time = element.substr(2);
    } else if (element.starts_with("v1=")) {
      signatures.push_back(element.substr(3));
    }
  }
  CHECK(signatures.size() <= kSignaturesMax);
  const std::string signed_text = time + "." + std::string(body);
  CHECK(std::ranges::any_of(kSecrets, [&](const std::string& secret) {
    const std::string expected = to_hex(hmac_sha256(as_bytes(secret), as_bytes(signed_text)));
    return std::ranges::find(signatures, expected) != signatures.end();
  }));
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

  const auto genuine = check_notification(kSecrets, header, body, now);
  CHECK(genuine.has_value() == !is_stale(at.unix_ms / 1'000, now));
  CHECK(genuine || genuine.error().code == ErrorCode::kNotificationStale);
  CHECK(!check_notification(kSecrets, header, body + " ", now));
  const std::vector<std::string> others{"another secret"};
  CHECK(!check_notification(others, header, body, now));
  check_header(presented, body, kFuzzNow);
  const std::string changed = with_one_change(header, change);
  CHECK(!check_notification(kSecrets, changed, body, now));
  return 0;
}

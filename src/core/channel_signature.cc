#include "core/channel_signature.h"

#include <fmt/format.h>

#include <charconv>

namespace hongbao {
namespace {

std::string signature(std::string_view secret, std::string_view time, std::string_view body) {
  return to_hex(hmac_sha256(as_bytes(secret), as_bytes(fmt::format("{}.{}", time, body))));
}

}  // namespace

std::string sign_notification(std::string_view secret, Timestamp at, std::string_view body) {
  const std::string time = fmt::to_string(at.unix_ms / 1000);
  return fmt::format("t={},v1={}", time, signature(secret, time, body));
}

Result<void> check_notification(std::string_view secret, std::string_view header, std::string_view body,
                                Timestamp now) {
  constexpr std::string_view kTime = "t=";
  constexpr std::string_view kSignature = ",v1=";
  const auto invalid = [](std::string detail) {
    return fail(ErrorCode::kSignatureInvalid, std::move(detail), "Hongbao-Signature");
  };
  const size_t comma = header.find(',');
  if (!header.starts_with(kTime) || comma == std::string_view::npos || !header.substr(comma).starts_with(kSignature)) {
    return invalid("must read t=<unix seconds>,v1=<hex>");
  }
  const std::string_view time = header.substr(kTime.size(), comma - kTime.size());
  int64_t at_s = 0;
  const auto [end, error] = std::from_chars(time.data(), time.data() + time.size(), at_s);
  if (error != std::errc() || end != time.data() + time.size() || at_s < 0) {
    return invalid("must carry the time as unix seconds");
  }
  const std::string_view claimed = header.substr(comma + kSignature.size());
  if (!equal_constant_time(as_bytes(claimed), as_bytes(signature(secret, time, body)))) {
    return invalid("does not match the body under the channel's secret");
  }
  const int64_t age_s = now.unix_ms / 1000 - at_s;
  const int64_t age_s_max = std::chrono::seconds(kNotificationAgeMax).count();
  if (age_s > age_s_max || age_s < -age_s_max) {
    return fail(ErrorCode::kNotificationStale, fmt::format("must be signed within {} s of now", age_s_max),
                "Hongbao-Signature");
  }
  return {};
}

}  // namespace hongbao

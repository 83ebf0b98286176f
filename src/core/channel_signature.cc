#include "core/channel_signature.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace hongbao {
namespace {

std::string signature(std::string_view secret, std::string_view time, std::string_view body) {
  return to_hex(hmac_sha256(as_bytes(secret), as_bytes(fmt::format("{}.{}", time, body))));
}

std::unexpected<Error> invalid(std::string detail) {
  return fail(ErrorCode::kSignatureInvalid, std::move(detail), "Hongbao-Signature");
}

struct Header {
  std::string_view time;
  std::vector<std::string_view> signatures;
};

Result<Header> read_header(std::string_view text) {
  constexpr std::string_view kForm = "must read t=<unix seconds>,v1=<hex>";
  if (text.empty()) {
    return invalid("is required");
  }
  Header header;
  for (bool last = false; !last;) {
    const size_t comma = text.find(',');
    last = comma == std::string_view::npos;
    const std::string_view element = text.substr(0, comma);
    text.remove_prefix(last ? text.size() : comma + 1);
    const size_t equals = element.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return invalid(std::string(kForm));
    }
    const std::string_view name = element.substr(0, equals);
    const std::string_view value = element.substr(equals + 1);
    if (name == "t" && (!header.time.empty() || value.empty())) {
      return invalid("must carry its time once");
    }
    if (name == "t") {
      header.time = value;
    } else if (name == "v1") {
      header.signatures.push_back(value);
    }
    if (header.signatures.size() > kSignaturesMax) {
      return invalid(fmt::format("must carry at most {} signatures", kSignaturesMax));
    }
  }
  return header.time.empty() || header.signatures.empty() ? invalid(std::string(kForm)) : Result<Header>(header);
}

// All are computed and compared, so that time does not tell which one matched.
bool matches(const Header& header, std::span<const std::string> secrets, std::string_view body) {
  bool any = false;
  for (const std::string& secret : secrets) {
    const std::string expected = signature(secret, header.time, body);
    for (const std::string_view claimed : header.signatures) {
      any |= equal_constant_time(as_bytes(claimed), as_bytes(expected));
    }
  }
  return any;
}

}  // namespace

std::string sign_notification(std::string_view secret, Timestamp at, std::string_view body) {
  const std::string time = fmt::to_string(at.unix_ms / 1000);
  return fmt::format("t={},v1={}", time, signature(secret, time, body));
}

Result<void> check_notification(std::span<const std::string> secrets, std::string_view header, std::string_view body,
                                Timestamp now, std::chrono::seconds leeway) {
  const auto read = read_header(header);
  if (!read) {
    return std::unexpected(read.error());
  }
  const std::string_view time = read->time;
  int64_t at_s = 0;
  const auto [end, error] = std::from_chars(time.data(), time.data() + time.size(), at_s);
  if (error != std::errc() || end != time.data() + time.size() || at_s < 0) {
    return invalid("must carry the time as unix seconds");
  }
  if (!matches(*read, secrets, body)) {
    return invalid("does not match the body under the channel's secret");
  }
  const int64_t age_s = now.unix_ms / 1000 - at_s;
  const int64_t age_s_max = std::chrono::seconds(kNotificationAgeMax).count();
  if (std::abs(age_s) > age_s_max + leeway.count()) {
    return fail(ErrorCode::kNotificationStale, fmt::format("must be signed within {} s of now", age_s_max),
                "Hongbao-Signature");
  }
  return {};
}

}  // namespace hongbao

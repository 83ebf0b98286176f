#include "api/token_key_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ranges>

#include "api/jwks.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "base/metrics.h"

namespace hongbao {
namespace {

constexpr int64_t kSecond_ns = 1'000'000'000;

int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond_ns + time.tv_nsec;
}

}  // namespace

TokenKeyFile::TokenKeyFile(std::string path, Authenticator& authenticator, prometheus::Registry& registry)
    : path_(std::move(path)),
      authenticator_(authenticator),
      keys_(add_gauge(registry, "hongbao_token_keys", "Keys of users' tokens that auth.jwks_file gave.")),
      changes_(add_counter(registry, "hongbao_token_keys_changed_total", "Times that auth.jwks_file had other keys.")),
      refusals_(add_counter(registry, "hongbao_token_keys_refused_total",
                            "Looks at an auth.jwks_file that breaks a rule: the keys before it stay good.")) {
  look();
}

TokenKeyFile::Version TokenKeyFile::version() const {
  struct stat status{};
  if (::stat(path_.c_str(), &status) != 0) {
    return {};
  }
  return {status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

// Whoever writes while it is read, within one tick of the file system's clock, leaves the same version behind: it is
// read once more at the next look.
void TokenKeyFile::look() {
  const Version now = version();
  if (now == read_ && is_settled_) {
    return;
  }
  const bool was_seen_before = now == read_;
  is_settled_ = read() && was_seen_before;
  read_ = now;
}

bool TokenKeyFile::read() {
  const auto keys = read_jwks_file(path_);
  if (!keys) {
    refusals_.Increment();
    if (const auto left_out = log_turn("token_keys_refused")) {
      log_warn("token_keys_refused", {{"error", fmt::format("auth.jwks_file names {}, {}", path_, keys.error().detail)},
                                      {"suppressed", *left_out}});
    }
    return false;
  }
  keys_.Set(static_cast<double>(keys->size()));
  if (authenticator_.change_jwks(*keys)) {
    changes_.Increment();
    log_info("token_keys_changed",
             {{"keys", fmt::format("{}", fmt::join(*keys | std::views::transform(&TokenKey::id), " "))}});
  }
  return true;
}

}  // namespace hongbao

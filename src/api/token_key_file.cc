#include "api/token_key_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ranges>

#include "api/jwks.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "base/metrics.h"

namespace hongbao {

TokenKeyFile::TokenKeyFile(std::string path, Authenticator& authenticator, prometheus::Registry& registry)
    : path_(std::move(path)),
      authenticator_(authenticator),
      keys_(add_gauge(registry, "hongbao_token_keys", "Keys of users' tokens that auth.jwks_file gave.")),
      changes_(add_counter(registry, "hongbao_token_keys_changed_total", "Times that auth.jwks_file had other keys.")),
      refusals_(add_counter(registry, "hongbao_token_keys_refused_total",
                            "Looks at an auth.jwks_file that breaks a rule: the keys before it stay good.")),
      watch_({path_}) {
  look();
}

void TokenKeyFile::look() {
  if (watch_.is_to_be_read()) {
    (void)watch_.was_read(read());
  }
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

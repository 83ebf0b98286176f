#include "apps/server/master_keys.h"

#include "base/config.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::string_view kKey = "auth.master_keys_file";

}  // namespace

MasterKeys::MasterKeys(const Settings& settings, const Clock& clock, prometheus::Registry& registry)
    : file_(settings.master_keys_file),
      clock_(clock),
      ring_(*new KeyRing(settings.master_keys, today())),
      watch_({file_}),
      newest_(add_gauge(registry, "hongbao_master_key_newest", "The number of the key that makes what is new.")),
      known_(add_gauge(registry, "hongbao_master_keys", "Master keys that this node knows.")),
      looks_(kLookEvery, [this] { look(); }) {
  show();
  looks_.start();
}

void MasterKeys::look() {
  if (watch_.is_to_be_read()) {
    read();
  }
  ring_.turn(today());
  show();
}

void MasterKeys::read() {
  auto content = read_secret_file(file_, kKey);
  auto keys = content ? parse_keys(*content) : std::unexpected(content.error());
  if (content) {
    wipe(*content);
  }
  const auto taken = keys ? ring_.replace(std::move(*keys), today()) : std::unexpected(keys.error());
  if (watch_.was_read(taken.has_value())) {
    log_info("master_keys_read", {{"keys", ring_.keys().size()}, {"newest", ring_.newest().number}});
  } else if (const auto left_out = taken ? std::nullopt : log_turn("master_keys_refused")) {
    log_warn("master_keys_refused",
             {{"key", kKey}, {"file", file_}, {"error", taken.error().detail}, {"suppressed", *left_out}});
  }
}

void MasterKeys::show() {
  newest_.Set(ring_.newest().number);
  known_.Set(static_cast<double>(ring_.keys().size()));
}

}  // namespace hongbao

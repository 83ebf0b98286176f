#include "sim/faults.h"

namespace hongbao::sim {
namespace {

constexpr uint64_t kRateOne = 10'000;

constexpr std::array<std::string_view, kFaults> kNames{
    "crash",
    "crash_on_answer",
    "crash_on_publish",
    "crash_on_acquire",
    "clean_stop",
    "replaced",
    "stopped",
    "stopped_in_call",
    "stopped_at_clock",
    "cut_off",
    "beat_unknown",
    "link_down",
    "link_lost_before",
    "link_lost_while",
    "link_lost_after",
    "orders_acquire_unknown",
    "orders_renew_unknown",
    "orders_release_unknown",
    "orders_load_slow",
    "orders_crash_before",
    "orders_crash_during",
    "orders_crash_after",
    "orders_unknown_lost",
    "orders_unknown_landed",
    "orders_unknown_late",
    "orders_refuse",
    "ledger_crash_before",
    "ledger_crash_during",
    "ledger_crash_after",
    "ledger_unknown_lost",
    "ledger_unknown_landed",
    "ledger_unknown_late",
    "ledger_refuses",
    "inbox_crash_before",
    "inbox_crash_after",
    "inbox_unknown_lost",
    "inbox_unknown_landed",
    "inbox_refuses",
    "stream_lost",
    "stream_repeated",
    "stream_reordered",
    "stream_forged",
    "stream_down",
    "cache_wiped",
    "cache_stale",
    "cache_refuses",
    "notification_repeated",
    "notification_late",
    "notification_after_restart",
    "clock_hour_forward",
    "clock_hour_back",
    "clock_day_forward",
    "clock_day_back",
    "database_clock_forward",
    "account_frozen",
    "restored",
};
static_assert(!kNames.back().empty());

}  // namespace

std::string_view to_text(Fault fault) {
  return kNames.at(static_cast<size_t>(fault));
}

bool Faults::strikes(Fault fault) {
  if (stopped_ || rates_[fault] == 0 || dice_.below(kRateOne) >= rates_[fault]) {
    return false;
  }
  ++struck_[fault];
  history_.note(to_text(fault));
  return true;
}

}  // namespace hongbao::sim

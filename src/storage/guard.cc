#include "storage/guard.h"

#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {

void report_damage(std::string_view call, const DamagedRow& error) {
  if (const auto left_out = log_turn("rows_damaged", call)) {
    log_error("rows_damaged", {{"call", call}, {"broken", error.what()}, {"suppressed", *left_out}});
  }
}

}  // namespace hongbao

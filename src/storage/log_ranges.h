// Where the log lies in the days that a store names. Cold parts say it themselves; hot ones are looked at. Any thread.
#pragma once

#include <vector>

#include "core/stored_day.h"
#include "storage/log_index.h"

namespace hongbao {

// Notes at each hot part which vouchers it holds. `range_of(DayPart)` → std::optional<LogIndex::Range>, none when
// empty.
template <class RangeOf>
void add_log_ranges(std::vector<StoredDay>& days, RangeOf range_of) {
  for (StoredDay& stored : days) {
    if (stored.place != DayPlace::kHot) {
      continue;
    }
    if (const auto range = range_of(stored.part)) {
      stored.totals.vouchers = 1;
      stored.totals.least = range->least;
      stored.totals.greatest = range->greatest;
    }
  }
}

// Of all days, with their ranges.
inline LogIndex::Snapshot log_index_of(const std::vector<StoredDay>& days, VoucherNo upto) {
  LogIndex::Snapshot snapshot{.upto = upto, .days = {}};
  for (const StoredDay& stored : days) {
    if (stored.totals.vouchers > 0) {
      snapshot.add(stored.part.day, {stored.totals.least, stored.totals.greatest});
    }
  }
  return snapshot;
}

}  // namespace hongbao

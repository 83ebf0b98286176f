// Which day tables hold which part of a shard's voucher log, so that a reader of the log's end need not look into old
// days. A hint that is always right up to `upto`: whoever needs more reads the tables and replaces it.
//
// Threads: any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "core/voucher.h"

namespace hongbao {

class LogIndex {
 public:
  struct Range {
    VoucherNo least;
    VoucherNo greatest;
  };
  struct Snapshot {
    VoucherNo upto;  // the index is complete for vouchers below it
    std::map<Day, Range> days;

    // A day may have several parts.
    void add(Day day, Range range);
  };

  // Takes the snapshot unless the index already reaches further.
  void replace(Snapshot snapshot);
  // Vouchers in the order of their numbers, after their commit. Ignored when a commit before it is missing here;
  // readers then find the index short.
  void append(std::span<const Voucher> committed);
  // Days that hold vouchers numbered from ≤ no < end; nullopt when the index does not reach `end`.
  [[nodiscard]] std::optional<std::vector<Day>> days_between(VoucherNo from, VoucherNo end) const;
  // The same; `read` makes a snapshot that reaches `end` when the index does not.
  template <class Read>
  std::vector<Day> days_between(VoucherNo from, VoucherNo end, Read read) {
    auto days = days_between(from, end);
    if (!days) {
      replace(read());
      days = days_between(from, end);
      CHECK(days.has_value());
    }
    return std::move(*days);
  }

 private:
  mutable std::mutex mutex_;
  Snapshot index_;
};

}  // namespace hongbao

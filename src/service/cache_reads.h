// Counts how reads of the cache end, for one kind of thing that is kept there. Any thread.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/metrics.h"
#include "base/result.h"

namespace hongbao {

class CacheReads {
 public:
  // `what`: in the metrics.
  CacheReads(prometheus::Registry& registry, const std::string& what)
      : hits_(counter(registry, what, "hit")),
        misses_(counter(registry, what, "miss")),
        failures_(counter(registry, what, "failed")) {}

  // What `parse` makes of the record that was read; a pointer or an optional. Empty when the read failed, when there
  // was no record, and when `parse` does not accept it, which counts as a miss.
  template <class Parse>
  auto count(const Result<std::optional<std::string>>& read, Parse&& parse) {
    using Parsed = std::invoke_result_t<Parse, const std::string&>;
    Parsed parsed = read && *read ? std::forward<Parse>(parse)(**read) : Parsed();
    (!read ? failures_ : parsed ? hits_ : misses_).Increment();
    return parsed;
  }

 private:
  static prometheus::Counter& counter(prometheus::Registry& registry, const std::string& what, const char* result) {
    return add_counter(registry, "hongbao_cache_reads_total", "Reads of the cache, by what was asked for.",
                       {{"what", what}, {"result", result}});
  }

  prometheus::Counter& hits_;
  prometheus::Counter& misses_;
  prometheus::Counter& failures_;
};

}  // namespace hongbao

// Counts how reads of the cache end, for one kind of thing that is kept there. Any thread.
#pragma once

#include <optional>
#include <string>

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

  // nullopt when it failed, or there was nothing.
  std::optional<std::string> count(Result<std::optional<std::string>> read) {
    (!read ? failures_ : *read ? hits_ : misses_).Increment();
    return read ? std::move(*read) : std::nullopt;
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

#include "base/check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "base/descriptors.h"
#include "base/log.h"

namespace hongbao {

// The last words come first, for the log's thread may be stuck, or missing after a fork.
void check_failed(const char* condition, const char* file, int line) {
  (void)write_within(STDERR_FILENO, fmt::format("CHECK failed: {} at {}:{}\n", condition, file, line), kLogFlushMax);
  (void)flush_log();
  std::abort();
}

}  // namespace hongbao

#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>

#include "base/clock.h"
#include "base/line_writer.h"

namespace hongbao {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

std::atomic<LogLevel> g_least{LogLevel::kInfo};

std::atomic<LineWriter*> g_writer{nullptr};  // once a line was logged

LineWriter& writer() {
  static LineWriter& instance = [] -> LineWriter& {
    (void)std::atexit([] { (void)flush_log(); });
    LineWriter& started = LineWriter::start(STDERR_FILENO, kLogBytesMax);
    g_writer = &started;
    return started;
  }();
  return instance;
}

}  // namespace

void set_log_level(LogLevel least) {
  g_least.store(least, std::memory_order_relaxed);
}

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < g_least.load(std::memory_order_relaxed)) {
    return;
  }
  boost::json::object line;
  line["at"] = to_rfc3339(SystemClock().now());
  line["level"] = kLevelNames[static_cast<int>(level)];
  line["event"] = event;
  for (const auto& [key, value] : fields) {
    line[key] = value;
  }
  writer().add(boost::json::serialize(line) + "\n");
}

bool flush_log(std::chrono::milliseconds at_most) {
  LineWriter* const started = g_writer;
  return started == nullptr || started->flush(at_most);
}

}  // namespace hongbao

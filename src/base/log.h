// One JSON object a line on standard error: {"at","level","event",…fields}. Events are snake_case names a reader can
// search for. Never pass a seed, a token or a share that is not drawn yet. Any thread.
//
// No caller ever waits for the log: a thread of its own writes (base/line_writer.h), at most kLogBytesMax wait for it,
// and lines beyond are counted and told later. The end of the process writes what is left, for kLogFlushMax at most.
#pragma once

#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace hongbao {

inline constexpr size_t kLogBytesMax = 4UL << 20;
inline constexpr std::chrono::milliseconds kLogFlushMax{1000};

enum class LogLevel { kDebug, kInfo, kWarn, kError, kNone };

struct LogField {
  template <class T>
  LogField(std::string_view name, const T& content) : key(name), value(boost::json::value_from(content)) {}

  std::string_view key;
  boost::json::value value;
};

void set_log_level(LogLevel least);  // kNone: nothing is logged
void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

// Waits until the lines are written; false when that took too long. For ends that skip the usual one (_Exit, abort).
bool flush_log(std::chrono::milliseconds at_most = kLogFlushMax);

inline void log_info(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kInfo, event, fields);
}
inline void log_warn(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kWarn, event, fields);
}
inline void log_error(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kError, event, fields);
}

}  // namespace hongbao

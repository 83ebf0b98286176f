#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/clock.h"

namespace hongbao {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("hongbao", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

constexpr spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kNone:
      break;
  }
  return spdlog::level::off;
}

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

}  // namespace

void set_log_level(LogLevel least) {
  logger().set_level(to_spdlog(least));
}

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!logger().should_log(to_spdlog(level))) {
    return;
  }
  boost::json::object line;
  line["at"] = to_rfc3339(SystemClock().now());
  line["level"] = kLevelNames[static_cast<int>(level)];
  line["event"] = event;
  for (const auto& [key, value] : fields) {
    line[key] = value;
  }
  logger().log(to_spdlog(level), "{}", boost::json::serialize(line));
}

}  // namespace hongbao

#include "apps/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>

#include "apps/http_address.h"
#include "base/crypto.h"
#include "base/input_file.h"
#include "base/number.h"
#include "base/program.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/packet_id.h"

namespace hongbao {
namespace {

CLI::Validator rule(std::string must, std::string name, std::function<bool(const std::string&)> holds) {
  return CLI::Validator(
      [must = std::move(must), holds = std::move(holds)](std::string& text) {
        return holds(text) ? std::string() : fmt::format("must be {}, not \"{}\"", must, text);
      },
      std::move(name));
}

bool is_decimal(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view fraction = point == std::string_view::npos ? "0" : text.substr(point + 1);
  return parse_decimal<uint64_t>(text.substr(0, point)) && !fraction.empty() &&
         fraction.find_first_not_of("0123456789") == std::string_view::npos;
}

// What is missing is often what was misspelt, and then that is named.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error) {
  const auto strangers = app.remaining(true);
  if (error.get_name() != "RequiredError" || strangers.empty()) {
    return error.what();
  }
  const bool lacks_command = std::string_view(error.what()).contains("subcommand");
  return fmt::format("\"{}\" is not known{}", strangers.front(), lacks_command ? " as a command" : "");
}

}  // namespace

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv) {
  app.set_version_flag("--version", fmt::format("{} {}", app.get_name(), HONGBAO_VERSION),
                       "Print the version and exit");
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForVersion& version) {
    std::puts(version.what());
  } catch (const CLI::Success&) {
    std::fputs(app.help().c_str(), stdout);
  } catch (const CLI::ParseError& error) {
    say(fmt::format("{} (--help tells the usage)", what_is_wrong(app, error)));
    return kExitUsage;
  }
  return kExitDone;
}

CLI::Validator whole_number(uint64_t least, uint64_t most) {
  return rule(fmt::format("a whole number from {} to {} in decimal digits", least, most),
              fmt::format("INT in [{} - {}]", least, most), [least, most](const std::string& text) {
                const auto value = parse_decimal<uint64_t>(text);
                return value && *value >= least && *value <= most;
              });
}

CLI::Validator decimal_number(double least, double most) {
  return rule(fmt::format("a number from {} to {} in decimal digits", least, most),
              fmt::format("NUMBER in [{} - {}]", least, most), [least, most](const std::string& text) {
                if (!is_decimal(text)) {
                  return false;
                }
                const double value = std::strtod(text.c_str(), nullptr);
                return value >= least && value <= most;
              });
}

CLI::Validator user_id() {
  return rule("1 to 64 of A-Z a-z 0-9 . _ @ -", "",
              [](const std::string& text) { return UserId::parse(text).has_value(); });
}

CLI::Validator packet_id() {
  return rule("a packet id such as s007-261122-01000003k-4qz8mn2r", "", PacketIdCodec::has_form);
}

CLI::Validator shard_id() {
  return rule("a shard such as s007", "", [](const std::string& text) { return parse_shard_id(text).has_value(); });
}

CLI::Validator calendar_day() {
  return rule("a day such as 20261122", "",
              [](const std::string& text) { return Day::parse_yyyymmdd(text).has_value(); });
}

CLI::Validator hexadecimal(size_t bytes) {
  return rule(fmt::format("{} hexadecimal digits", bytes * 2), "", [bytes](const std::string& text) {
    const auto read = from_hex(text);
    return read && read->size() == bytes;
  });
}

CLI::Validator idempotency_key() {
  return rule(fmt::format("1 to {} visible ASCII characters", kIdempotencyKeyLengthMax), "",
              [](const std::string& text) {
                return !text.empty() && text.size() <= kIdempotencyKeyLengthMax &&
                       std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
              });
}

CLI::Validator input_file() {
  return CLI::Validator(
      [](std::string& path) {
        const auto checked = check_input_file(path);
        return checked ? std::string() : fmt::format("{} {}", path, checked.error().detail);
      },
      "FILE");
}

CLI::Validator http_url() {
  return CLI::Validator(
      [](std::string& url) {
        const auto address = parse_http_url(url);
        return address ? std::string() : address.error().detail;
      },
      "URL");
}

CLI::Validator not_empty() {
  return rule("some name", "", [](const std::string& text) { return !text.empty(); });
}

}  // namespace hongbao

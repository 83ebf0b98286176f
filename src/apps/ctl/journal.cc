#include "apps/ctl/journal.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <string_view>

#include "base/program.h"

namespace hongbao {
namespace {

namespace json = boost::json;

std::string_view text_of(const json::object& entry, std::string_view field) {
  const json::value* value = entry.if_contains(field);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

int64_t number_of(const json::object& object, std::string_view field) {
  const json::value* value = object.if_contains(field);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

void print_entries(const json::object& body) {
  const json::value* entries = body.if_contains("entries");
  if (entries == nullptr || !entries->is_array()) {
    return;
  }
  for (const json::value& each : entries->get_array()) {
    if (const json::object* entry = each.if_object()) {
      fmt::print("{} {} {} ({}) from {}: {} {} → {}\n", number_of(*entry, "number"), text_of(*entry, "at"),
                 text_of(*entry, "token"), text_of(*entry, "role"), text_of(*entry, "from"), text_of(*entry, "call"),
                 text_of(*entry, "content"), text_of(*entry, "outcome"));
    }
  }
  if (const int64_t next = number_of(body, "next_before"); next > 0) {
    fmt::print("older ones: --before {}\n", next);
  }
}

}  // namespace

int show_journal(const CtlOptions& options, int64_t before) {
  const auto server = admin_access(options);
  if (!server) {
    return complain(server.error());
  }
  const auto answer = ask_server(
      *server, "GET", before == 0 ? "/admin/v1/journal" : fmt::format("/admin/v1/journal?before={}", before));
  if (!answer) {
    return complain(answer.error());
  }
  const bool is_shown = answer->status < 400;
  if (is_shown && !options.json && answer->body.is_object()) {
    print_entries(answer->body.get_object());
  } else {
    print_body(answer->body, options.json);
  }
  return is_shown ? kExitDone : kExitFailed;
}

}  // namespace hongbao

// The part of the admin API that shows what was changed through it, at this node.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <limits>

#include "api/admin/admin_api.h"
#include "base/number.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kEntriesInPage = 100;

json::object entry_json(const JournalEntry& entry) {
  const auto& [at, token, role, from, call, content] = entry.begun;
  json::object out{{"number", entry.no}, {"at", to_rfc3339(at)}, {"token", token},    {"role", role},
                   {"from", from},       {"call", call},         {"content", content}};
  out["outcome"] = entry.ended ? entry.ended->outcome : "begun";
  if (entry.ended) {
    out["ended_at"] = to_rfc3339(entry.ended->at);
  }
  return out;
}

}  // namespace

void AdminApi::journal(const RoutedRequest& in, ApiCall call) {
  uint64_t before = std::numeric_limits<uint64_t>::max();
  for (const auto& [name, value] : in.target.query) {
    const auto number = parse_decimal<uint64_t>(value);
    if (!number || *number == 0) {
      call.fail_with({ErrorCode::kInvalidField, "must be a whole number from 1", name});
      return;
    }
    before = *number;
  }
  services_.journal.newest(  // one more, to know whether there is one
      before, kEntriesInPage + 1, [call = std::move(call)](Result<std::vector<JournalEntry>> entries) mutable {
        if (!entries) {
          call.fail_with(entries.error());
          return;
        }
        json::array list;
        for (const JournalEntry& entry : *entries) {
          if (list.size() < kEntriesInPage) {
            list.push_back(entry_json(entry));
          }
        }
        json::object body{{"entries", std::move(list)}};
        if (entries->size() > kEntriesInPage) {
          body["next_before"] = (*entries)[kEntriesInPage - 1].no;
        }
        call.send_json(http::status::ok, json::serialize(body));
      });
}

}  // namespace hongbao

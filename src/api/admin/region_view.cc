#include "api/admin/region_view.h"

#include <fmt/format.h>

#include <algorithm>

namespace hongbao {
namespace {

namespace json = boost::json;

int64_t ms(SteadyTime::duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

std::string text_of(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

int64_t number_of(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

bool is_true(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

// The objects of a list; none when another node sent something else.
std::vector<const json::object*> objects_of(const json::object& from, std::string_view key) {
  std::vector<const json::object*> objects;
  const json::value* found = from.if_contains(key);
  if (found != nullptr && found->is_array()) {
    for (const json::value& item : found->get_array()) {
      if (item.is_object()) {
        objects.push_back(&item.get_object());
      }
    }
  }
  return objects;
}

std::string join(const json::object& from, std::string_view key) {
  std::string all;
  const json::value* found = from.if_contains(key);
  if (found != nullptr && found->is_array()) {
    for (const json::value& item : found->get_array()) {
      all += fmt::format("{}{}", all.empty() ? "" : "; ", item.is_string() ? std::string_view(item.get_string()) : "?");
    }
  }
  return all;
}

// The pieces of one view, and what is wrong in them.
class View {
 public:
  View(std::string self, const RegionFacts& facts, const NodeReports& reports, SteadyTime now)
      : self_(std::move(self)), facts_(facts), reports_(reports), now_(now) {}

  json::object put_together() {
    json::array nodes = nodes_json();
    json::array shards;
    for (const auto& [shard, seen] : facts_.shards) {
      shards.push_back(shard_json(to_text(shard), seen));
    }
    json::array engines = engines_json(facts_, now_);
    for (const auto& [node, report] : reports_) {
      add_engine_troubles(node, report);
    }
    return {{"node", self_},
            {"ok", troubles_.empty()},
            {"troubles", std::move(troubles_)},
            {"nodes", std::move(nodes)},
            {"shards", std::move(shards)},
            {"engines", std::move(engines)}};
  }

 private:
  template <class... Parts>
  void trouble(fmt::format_string<Parts...> format, Parts&&... parts) {
    troubles_.emplace_back(fmt::format(format, std::forward<Parts>(parts)...));
  }

  const json::object* report_of(const std::string& node) const {
    const auto found = reports_.find(node);
    return found != reports_.end() && found->second ? &*found->second : nullptr;
  }

  json::array nodes_json() {
    json::array nodes;
    if (!facts_.nodes.contains(self_)) {
      nodes.push_back(node_json(self_, {}, true));
    }
    for (const auto& [name, seen] : facts_.nodes) {
      nodes.push_back(node_json(name, seen, name == self_ || seen.is_alive()));
    }
    return nodes;
  }

  json::object node_json(const std::string& name, const NodeSeen& seen, bool is_alive) {
    const json::object* report = report_of(name);
    const bool is_ready = report != nullptr && is_true(*report, "ready");
    int64_t owned = 0;
    for (const auto& [shard, of_shard] : facts_.shards) {
      owned += of_shard.is_owned() && (of_shard.tenure.owner == name || of_shard.is_forever()) ? 1 : 0;
    }
    if (!is_alive) {
      trouble("{} has been silent since its lease ended {} ms ago", name, -seen.lease_left.count());
    } else if (report == nullptr) {
      trouble("{} lives and does not answer {}", name, self_);
    } else if (!is_ready) {
      trouble("{} is not ready: {}", name, join(*report, "reasons"));
    }
    return {{"node", name},      {"address", seen.address}, {"alive", is_alive}, {"answers", report != nullptr},
            {"ready", is_ready}, {"shards", owned}};
  }

  // What its owner says of the shard.
  const json::object* told_by(const std::string& owner, const std::string& shard) const {
    if (const json::object* report = report_of(owner)) {
      for (const json::object* each : objects_of(*report, "shards")) {
        if (text_of(*each, "shard") == shard) {
          return each;
        }
      }
    }
    return nullptr;
  }

  json::object shard_json(const std::string& name, const ShardSeen& seen) {
    const ShardTenure& tenure = seen.tenure;
    // Embedded, the owner is whatever process has the files: this one.
    const std::string owner = seen.is_forever() ? self_ : tenure.owner;
    const json::object* told = told_by(owner, name);
    const std::string state = !seen.is_owned() ? "no owner" : told == nullptr ? "unknown" : text_of(*told, "state");
    const int64_t pending = told == nullptr ? 0 : number_of(*told, "commit_pending_ms");
    if (!seen.is_owned()) {
      trouble("{} has no owner; its last was {}", name, owner.empty() ? "none" : owner);
    } else if (state != "serving") {
      trouble("{} is {} at {}", name, state, owner);
    }
    if (pending >= kCommitPendingMax.count()) {
      trouble("{}: a commit of {} has been pending for {} ms", name, owner, pending);
    }
    const auto behind = [&](const std::optional<VoucherNo>& cursor) -> json::value {
      const uint64_t next = tenure.head.next_voucher.value;
      return cursor ? json::value(next > cursor->value ? next - cursor->value : 0) : json::value();
    };
    return {{"shard", name},
            {"owner", seen.is_owned() ? owner : ""},
            {"state", state},
            {"epoch", tenure.head.epoch},
            {"lease_left_ms", seen.is_forever() ? json::value() : json::value(seen.lease_left(now_).count())},
            {"commit_pending_ms", pending},
            {"not_settled", behind(seen.settled_to)},
            {"not_listed", behind(seen.inbox_to)}};
  }

  void add_engine_troubles(const std::string& node, const std::optional<json::object>& report) {
    if (!report) {
      return;
    }
    for (const json::object* engine : objects_of(*report, "engines")) {
      if (!is_true(*engine, "answers")) {
        trouble("{} ({}) at {} has not answered {} for {} ms: {}", text_of(*engine, "engine"), text_of(*engine, "use"),
                text_of(*engine, "server"), node, number_of(*engine, "for_ms"), text_of(*engine, "error"));
      }
    }
  }

  const std::string self_;
  const RegionFacts& facts_;
  const NodeReports& reports_;
  const SteadyTime now_;
  json::array troubles_;
};

}  // namespace

std::string describe(const EngineSeen& engine, SteadyTime now) {
  return fmt::format("{} ({}) has not answered for {} ms", engine.server.engine, engine.server.use,
                     ms(now - engine.since));
}

json::array engines_json(const RegionFacts& facts, SteadyTime now) {
  json::array engines;
  for (const EngineSeen& seen : facts.engines) {
    engines.push_back({{"engine", seen.server.engine},
                       {"use", seen.server.use},
                       {"server", seen.server.address},
                       {"answers", seen.answers},
                       {"for_ms", ms(now - seen.since)},
                       {"error", seen.error}});
  }
  return engines;
}

json::object region_view(const std::string& self, const RegionFacts& facts, const NodeReports& reports,
                         SteadyTime now) {
  return View(self, facts, reports, now).put_together();
}

}  // namespace hongbao

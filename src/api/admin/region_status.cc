#include "api/admin/region_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value_from.hpp>
#include <thread>
#include <utility>

#include "routing/peer_node_link.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kAskTimeout{1'000};
constexpr std::chrono::milliseconds kAskAgainTimeout{500};
constexpr std::chrono::milliseconds kAskPause{100};
// How much later than its deadline a call over the link may end.
constexpr std::chrono::milliseconds kGrace{200};

json::value lease_json(std::chrono::milliseconds left) {
  return left >= kLeaseForever / 2 ? json::value() : json::value(left.count());
}

json::value number_or_null(const std::optional<VoucherNo>& number) {
  return number ? json::value(number->value) : json::value();
}

// As the node of this report says.
bool answers_there(const json::object& report, const EngineServer& server) {
  const json::value* engines = report.if_contains("engines");
  if (engines == nullptr || !engines->is_array()) {
    return false;
  }
  return std::ranges::any_of(engines->get_array(), [&](const json::value& each) {
    const auto has = [&](std::string_view key, const json::value& wanted) {
      const json::value* found = each.is_object() ? each.get_object().if_contains(key) : nullptr;
      return found != nullptr && *found == wanted;
    };
    return has("engine", json::value(server.engine)) && has("use", json::value(server.use)) &&
           has("server", json::value(server.address)) && has("answers", true);
  });
}

}  // namespace

std::vector<std::string> RegionStatus::shard_troubles() const {
  std::vector<std::string> troubles;
  for (const ShardId id : shards_.ids()) {
    const ShardStatus status = shards_.find(id)->status();
    if (status.state == ShardState::kRecovering) {
      troubles.push_back(fmt::format("{} is recovering", to_text(id)));
    }
    if (status.commit_pending >= kCommitPendingMax) {
      troubles.push_back(
          fmt::format("{}: a commit has been pending for {} ms", to_text(id), status.commit_pending.count()));
    }
  }
  return troubles;
}

RegionStatus::Readiness RegionStatus::readiness() const {
  Readiness readiness;
  if (!started_.load()) {
    readiness.reasons.emplace_back("it starts, or is about to end");
  } else if (!options_.can_serve()) {
    readiness.reasons.emplace_back("it does not know yet who owns the shards");
  }
  {
    const std::lock_guard lock(mutex_);
    if (!cut_off_.empty()) {
      readiness.reasons.push_back(cut_off_);
    }
  }
  readiness.degraded = shard_troubles();
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const EngineSeen& engine : watch_.facts().engines) {
    if (!engine.answers) {
      readiness.degraded.push_back(describe(engine, now));
    }
  }
  return readiness;
}

json::object RegionStatus::own() const {
  const Readiness readiness = this->readiness();
  json::array shards;
  for (const ShardId id : shards_.ids()) {
    const ShardStatus status = shards_.find(id)->status();
    shards.push_back({{"shard", to_text(id)},
                      {"state", to_text(status.state)},
                      {"wanted", status.wanted},
                      {"epoch", status.epoch},
                      {"commit_pending_ms", status.commit_pending.count()}});
  }
  return {{"node", options_.node},
          {"ready", readiness.is_ready()},
          {"reasons", json::value_from(readiness.reasons)},
          {"shards", std::move(shards)},
          {"engines", engines_json(watch_.facts(), std::chrono::steady_clock::now())}};
}

json::array RegionStatus::shards(SteadyTime deadline) {
  watch_.refresh(deadline);
  const RegionFacts facts = watch_.facts();
  const SteadyTime now = std::chrono::steady_clock::now();
  json::array list;
  for (const ShardId id : shards_.ids()) {
    const ShardStatus status = shards_.find(id)->status();
    const auto known = facts.shards.find(id);
    const bool is_known = known != facts.shards.end();
    const ShardSeen seen = is_known ? known->second : ShardSeen();
    const bool is_here = status.lease_left.count() > 0;
    json::object shard{{"shard", to_text(id)}, {"state", to_text(status.state)}};
    shard["owner"] = is_here ? options_.node : seen.is_owned() ? seen.tenure.owner : "";
    shard["epoch"] = std::max(seen.tenure.head.epoch, is_here ? status.epoch : 0);
    shard["lease_left_ms"] = is_here ? lease_json(status.lease_left) : json::value(seen.lease_left(now).count());
    shard["commit_pending_ms"] = status.commit_pending.count();
    shard["next_voucher"] = std::max(seen.tenure.head.next_voucher.value, is_here ? status.next_voucher.value : 0);
    shard["settled_to"] = number_or_null(seen.settled_to);
    shard["inbox_to"] = number_or_null(seen.inbox_to);
    shard["seen_ms_ago"] =
        is_known ? json::value(std::chrono::duration_cast<std::chrono::milliseconds>(now - seen.seen_at).count())
                 : json::value();
    shard["mailbox_depth"] = status.mailbox_depth;
    shard["resident_packets"] = status.resident_packets;
    shard["resident_bytes"] = status.resident_bytes;
    list.push_back(std::move(shard));
  }
  return list;
}

RegionStatus::Asked RegionStatus::ask_others(const RegionFacts& facts, SteadyTime deadline, const NodeReports& known) {
  Asked asked;
  for (const auto& [name, seen] : facts.nodes) {
    const auto report = known.find(name);
    const bool is_known = report != known.end() && report->second;
    if (peers_ == nullptr || name == options_.node || !seen.is_alive() || is_known) {
      continue;
    }
    const PeerRequest request{.kind = static_cast<uint8_t>(LinkKind::kNodeReport), .deadline = deadline};
    asked.emplace(name, ask<std::string>([&](auto done) {
                    peers_->call({name, seen.address}, request,
                                 [done = std::move(done)](Result<std::string_view> told) mutable {
                                   done(told ? Result<std::string>(*told) : std::unexpected(std::move(told.error())));
                                 });
                  }));
  }
  return asked;
}

void RegionStatus::collect(Asked asked, SteadyTime deadline, NodeReports& reports) {
  for (auto& [name, answer] : asked) {
    auto& report = reports[name];
    if (answer.wait_until(deadline + kGrace) != std::future_status::ready) {
      continue;
    }
    const auto told = answer.get();
    boost::system::error_code error;
    const json::value body = told ? json::parse(*told, error) : json::value();
    if (!error && body.is_object()) {
      report = body.get_object();
    }
  }
}

// A link that was lost unnoticed fails one call and is there for the next.
void RegionStatus::ask_again(const RegionFacts& facts, NodeReports& reports) {
  if (std::ranges::any_of(reports, [](const auto& entry) { return !entry.second; })) {
    std::this_thread::sleep_for(kAskPause);
    const SteadyTime deadline = std::chrono::steady_clock::now() + kAskAgainTimeout;
    collect(ask_others(facts, deadline, reports), deadline, reports);
  }
}

json::object RegionStatus::region(SteadyTime deadline) {
  NodeReports reports;
  const RegionFacts before = watch_.facts();
  Asked asked = ask_others(before, deadline, reports);
  watch_.refresh(deadline);
  collect(std::move(asked), deadline, reports);
  ask_again(before, reports);
  reports[options_.node] = own();
  return region_view(options_.node, watch_.facts(), reports, std::chrono::steady_clock::now());
}

void RegionStatus::look_at_neighbours() {
  const RegionFacts facts = watch_.facts();
  const SteadyTime now = std::chrono::steady_clock::now();
  std::vector<EngineSeen> silent = facts.engines;
  std::erase_if(silent, [&](const EngineSeen& engine) {
    return engine.answers || now - engine.since < options_.cut_off_after || engine.server.engine != "mariadb";
  });
  std::string cut_off;
  if (!silent.empty()) {
    const SteadyTime deadline = now + kAskTimeout;
    NodeReports reports;
    collect(ask_others(facts, deadline, reports), deadline, reports);
    for (const auto& [name, report] : reports) {
      for (const EngineSeen& engine : silent) {
        if (report && answers_there(*report, engine.server)) {
          cut_off = fmt::format("{}, and answers {}", describe(engine, now), name);
        }
      }
    }
  }
  const std::lock_guard lock(mutex_);
  cut_off_ = std::move(cut_off);
}

}  // namespace hongbao

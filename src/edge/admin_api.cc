#include "edge/admin_api.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "core/limits.h"
#include "edge/auth.h"
#include "edge/idempotency_key.h"
#include "edge/json_input.h"
#include "edge/json_output.h"
#include "edge/problem.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

namespace json = boost::json;

Result<UserId> read_user(std::string_view name) {
  const auto user = UserId::parse(name);
  return user ? Result<UserId>(*user)
              : fail(ErrorCode::kInvalidField, "must be 1 to 64 of A-Z a-z 0-9 . _ @ -", "user");
}

std::string random_key() {
  Key128 bytes;
  random_bytes(bytes);
  return to_hex(bytes);
}

void send_wallet(const UserId& user, Result<Account> account, json::object body, Call call) {
  if (!account) {
    call.fail_with(account.error());
    return;
  }
  body["wallet"] = wallet_json(user, *account);
  call.send_json(http::status::ok, json::serialize(body));
}

json::object switches_json(const Control& control) {
  json::object switches;
  for (int i = 0; i < kSwitches; ++i) {
    const auto which = static_cast<Switch>(i);
    switches[to_text(which)] = control.is_on(which);
  }
  return {{"switches", std::move(switches)}};
}

std::optional<Switch> parse_switch(std::string_view name) {
  for (int i = 0; i < kSwitches; ++i) {
    if (to_text(static_cast<Switch>(i)) == name) {
      return static_cast<Switch>(i);
    }
  }
  return std::nullopt;
}

json::object traffic_json(const Control& control) {
  json::object weights;
  for (const auto& [region, weight] : control.traffic()) {
    weights[region_name(region)] = weight;
  }
  return {{"weights", std::move(weights)}};
}

Result<TrafficWeights> read_weights(const std::string& body, Region only) {
  JsonInput input(body);
  TrafficWeights weights;
  bool any = false;
  for (const auto& entry : input.object("weights")) {
    const auto region = parse_region_name(entry.key());
    const std::string field = fmt::format("weights.{}", std::string_view(entry.key()));
    const int64_t* weight = entry.value().if_int64();
    if (!region || *region != only) {
      input.refuse(field, fmt::format("is not a region of this deployment, which has {}", region_name(only)));
    } else if (weight == nullptr || *weight < 0 || *weight > kWeightMax) {
      input.refuse(field, fmt::format("must be an integer from 0 to {}", kWeightMax));
    } else {
      weights[*region] = static_cast<uint32_t>(*weight);
      any = any || *weight > 0;
    }
  }
  if (!any) {
    input.refuse("weights", "must leave at least one region above 0");
  }
  if (const auto finished = input.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return weights;
}

// Runs `set`, which may wait for an engine, on a thread that may wait, and answers what is set then. Refused when its
// turn comes after the call's deadline.
void set_control(const AdminServices& services, std::move_only_function<Result<void>()> set,
                 json::object (*show)(const Control&), Call call) {
  auto in_time = [set = std::move(set), deadline = call.deadline()]() mutable {
    return std::chrono::steady_clock::now() < deadline
               ? set()
               : fail(ErrorCode::kDeadlineExceeded, "waited too long behind others: nothing was set");
  };
  read_on<void>(services.control_workers, std::move(in_time),
                [&control = services.control, show, call = std::move(call)](Result<void> done) mutable {
                  if (done) {
                    call.send_json(http::status::ok, json::serialize(show(control)));
                  } else {
                    call.fail_with(done.error());
                  }
                });
}

}  // namespace

AdminApi::AdminApi(AdminServices services, AdminApiOptions options)
    : services_(services), options_(std::move(options)), unrouted_(services.registry, "admin", "unrouted") {
  constexpr auto get = http::verb::get;
  constexpr auto post = http::verb::post;
  constexpr auto put = http::verb::put;
  add(get, "/healthz", &AdminApi::health, /*open=*/true);
  add(get, "/readyz", &AdminApi::ready, /*open=*/true);
  add(get, "/metrics", &AdminApi::metrics);
  add(get, "/admin/v1/shards", &AdminApi::shards);
  add(get, "/admin/v1/region", &AdminApi::region);
  add(get, "/admin/v1/audit", &AdminApi::audit, /*open=*/false, {"deep"});
  add(get, "/admin/v1/reconciliation", &AdminApi::reconciliation);
  add(post, "/admin/v1/reconciliation:run", &AdminApi::reconcile);
  add(get, "/admin/v1/archive", &AdminApi::archive);
  add(get, "/admin/v1/archive/days", &AdminApi::archived_days, /*open=*/false, {"shard", "from"});
  add(post, "/admin/v1/archive:run", &AdminApi::run_archive);
  add(get, "/admin/v1/backup", &AdminApi::get_backup);
  add(post, "/admin/v1/backup", &AdminApi::make_backup);
  add(get, "/admin/v1/switches", &AdminApi::get_switches);
  add(put, "/admin/v1/switches", &AdminApi::put_switches);
  add(get, "/admin/v1/traffic", &AdminApi::get_traffic);
  add(put, "/admin/v1/traffic", &AdminApi::put_traffic);
  add(get, "/admin/v1/wallets/{}", &AdminApi::wallet);
  add(post, "/admin/v1/wallets/{}:deposit", &AdminApi::deposit);
  add(post, "/admin/v1/wallets/{}:freeze", &AdminApi::freeze);
  add(post, "/admin/v1/wallets/{}:unfreeze", &AdminApi::unfreeze);
}

void AdminApi::add(http::verb method, std::string_view pattern, Handler handler, bool open,
                   std::vector<std::string_view> parameters) {
  router_.add(method, pattern, std::move(parameters));
  const std::string label = fmt::format("{} {}", std::string_view(http::to_string(method)), pattern);
  routes_.push_back({handler, open, std::make_unique<RouteMetrics>(services_.registry, "admin", label)});
}

void AdminApi::handle(const HttpRequest& request, Reply reply) {
  const auto target = parse_target(request.target());
  const auto match = target ? router_.find(request.method(), target->path) : std::unexpected(target.error());
  Call call(std::move(reply), match ? *routes_[match->route].metrics : unrouted_, options_.command_timeout);
  const bool open = match && routes_[match->route].open;
  const std::string_view token = bearer_token(request.header(http::field::authorization));
  if (!open && !equal_constant_time(as_bytes(token), as_bytes(options_.token))) {
    call.fail_with({token.empty() ? ErrorCode::kTokenMissing : ErrorCode::kUnauthenticated,
                    "must be \"Bearer <admin token>\"", "Authorization"});
    return;
  }
  if (auto options = answer_options(router_, request, target)) {
    call.answer(std::move(*options));
    return;
  }
  if (!match) {
    call.fail_with(match.error());
    return;
  }
  const Incoming in{request, *target, match->name};
  if (const auto checked = check_call(router_, *match, in); !checked) {
    call.fail_with(checked.error());
    return;
  }
  (this->*routes_[match->route].handler)(in, std::move(call));
}

void AdminApi::health(const Incoming&, Call call) {
  call.send_json(http::status::ok, R"({"status":"ok"})");
}

void AdminApi::metrics(const Incoming&, Call call) {
  options_.update_metrics();
  call.send({.body = prometheus::TextSerializer().Serialize(services_.registry.Collect()),
             .content_type = "text/plain; version=0.0.4"});
}

void AdminApi::audit(const Incoming& in, Call call) {
  bool deep = false;
  for (const auto& [key, value] : in.target.query) {
    if (value != "true" && value != "false") {
      call.fail_with({ErrorCode::kInvalidField, "must be deep=true or deep=false", key});
      return;
    }
    deep = value == "true";
  }
  read_on<AuditReport>(
      services_.workers, [this, deep] { return services_.audit.run(deep); },
      [this, call = std::move(call)](Result<AuditReport> report) mutable {
        if (!report) {
          call.fail_with(report.error());
          return;
        }
        // An audit that doesn't hold must not look like a success to any script.
        call.send_json(report->balanced() ? http::status::ok : http::status::internal_server_error,
                       json::serialize(audit_json(*report, services_.ids)));
      });
}

void AdminApi::reconciliation(const Incoming&, Call call) {
  call.send_json(http::status::ok, json::serialize(reconciliation_json(services_.reconciler.last_report())));
}

void AdminApi::reconcile(const Incoming& in, Call call) {
  if (const auto finished = JsonInput(in.request.body()).finish(); !finished) {
    call.fail_with(finished.error());
    return;
  }
  read_on<ReconciliationReport>(
      services_.workers,
      [this] {
        return ask<ReconciliationReport>([&](auto done) { services_.reconciler.step(std::move(done)); }).get();
      },
      [call = std::move(call)](Result<ReconciliationReport> report) mutable {
        if (report) {
          call.send_json(http::status::ok, json::serialize(reconciliation_json(*report)));
        } else {
          call.fail_with(report.error());
        }
      });
}

void AdminApi::get_switches(const Incoming&, Call call) {
  call.send_json(http::status::ok, json::serialize(switches_json(services_.control)));
}

void AdminApi::put_switches(const Incoming& in, Call call) {
  JsonInput input(in.request.body());
  std::vector<std::pair<Switch, bool>> wanted;
  for (const auto& entry : input.object("switches")) {
    const auto which = parse_switch(entry.key());
    const std::string field = fmt::format("switches.{}", std::string_view(entry.key()));
    if (!which) {
      input.refuse(field, "is not a switch");
    } else if (!entry.value().is_bool()) {
      input.refuse(field, "must be true or false");
    } else {
      wanted.emplace_back(*which, entry.value().get_bool());
    }
  }
  if (const auto finished = input.finish(); !finished) {
    call.fail_with(finished.error());
    return;
  }
  auto set = [this, wanted = std::move(wanted), deadline = call.deadline()]() -> Result<void> {
    for (const auto& [which, on] : wanted) {
      if (std::chrono::steady_clock::now() >= deadline) {
        return fail(ErrorCode::kUnavailable, "the control bucket answers too slowly: look, and set it again");
      }
      if (auto done = services_.control.set(which, on); !done) {
        return done;
      }
      log_info("switch_set", {{"switch", to_text(which)}, {"on", on}});
    }
    return {};
  };
  set_control(services_, std::move(set), switches_json, std::move(call));
}

void AdminApi::get_traffic(const Incoming&, Call call) {
  call.send_json(http::status::ok, json::serialize(traffic_json(services_.control)));
}

void AdminApi::put_traffic(const Incoming& in, Call call) {
  const auto weights = read_weights(in.request.body(), options_.region);
  if (!weights) {
    call.fail_with(weights.error());
    return;
  }
  set_control(
      services_, [this, weights = *weights] { return services_.control.set_traffic(weights); }, traffic_json,
      std::move(call));
}

void AdminApi::wallet(const Incoming& in, Call call) {
  call.tell_when_late();
  const auto user = read_user(in.name);
  if (!user) {
    call.fail_with(user.error());
    return;
  }
  services_.wallets.account(*user, [user = *user, call = std::move(call)](Result<Account> account) mutable {
    send_wallet(user, std::move(account), {}, std::move(call));
  });
}

void AdminApi::deposit(const Incoming& in, Call call) {
  call.tell_when_late();
  JsonInput input(in.request.body());
  const Money amount = input.money("amount", Money(1), kDepositMax);
  const auto user = read_user(in.name);
  auto key = read_idempotency_key(in.request);
  if (!key) {
    call.fail_with(key.error());
    return;
  }
  const auto finished = user ? input.finish() : std::unexpected(user.error());
  if (!finished) {
    call.fail_with(finished.error());
    return;
  }
  if (key->empty()) {
    key = random_key();
  }
  const SteadyTime deadline = call.deadline();
  services_.wallets.deposit(
      *user, amount, *key, deadline,
      [this, user = *user, call = std::move(call)](Result<std::string> deposited) mutable {
        if (!deposited) {
          call.fail_with(deposited.error());
          return;
        }
        services_.wallets.account(
            user, [user, id = std::move(*deposited), call = std::move(call)](Result<Account> account) mutable {
              if (!account) {  // "not now" would be a lie
                account = fail(ErrorCode::kOutcomeUnknown, "it was deposited, and the wallet can't be read; ask again");
              }
              send_wallet(user, std::move(account), {{"transfer_id", id}}, std::move(call));
            });
      });
}

void AdminApi::freeze(const Incoming& in, Call call) {
  set_frozen(in, true, std::move(call));
}
void AdminApi::unfreeze(const Incoming& in, Call call) {
  set_frozen(in, false, std::move(call));
}

void AdminApi::set_frozen(const Incoming& in, bool frozen, Call call) {
  call.tell_when_late();
  const auto user = read_user(in.name);
  const auto checked = user ? JsonInput(in.request.body()).finish() : std::unexpected(user.error());
  if (!checked) {
    call.fail_with(checked.error());
    return;
  }
  log_info("wallet_freeze_set", {{"user", user->text()}, {"frozen", frozen}});
  services_.wallets.freeze(*user, frozen, [user = *user, call = std::move(call)](Result<Account> account) mutable {
    send_wallet(user, std::move(account), {}, std::move(call));
  });
}

}  // namespace hongbao

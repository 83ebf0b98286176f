#include "api/admin/admin_api.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include "api/admin/admin_change.h"
#include "api/auth.h"
#include "api/problem.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {
namespace {

// Whoever looks only needs no line in the journal.
bool changes(http::verb method) {
  return method != http::verb::get && method != http::verb::head;
}

// A request that outlives its connection's.
struct HeldRequest {
  explicit HeldRequest(const RoutedRequest& in) : request(in.request), target(in.target), name(in.name) {}

  HttpRequest request;
  Target target;
  std::string name;
};

std::string outcome_of(const HttpResponse& response) {
  const auto status = static_cast<unsigned>(response.status);
  const std::string_view problem = problem_name(response);
  return problem.empty() ? fmt::format("{}", status) : fmt::format("{} {}", status, problem);
}

void log_change(const AdminChange& change, const HttpResponse& response) {
  log_info("admin_change", {{"token", change.token},
                            {"role", to_text(change.role)},
                            {"from", change.from},
                            {"call", change.call},
                            {"content", change.content},
                            {"outcome", outcome_of(response)}});
}

}  // namespace

const std::vector<AdminApi::Route>& AdminApi::routes() {
  using enum http::verb;
  using enum AdminRole;
  constexpr bool kToldLate = true;
  static const std::vector<Route> table{
      {get, "/metrics", kViewer, &AdminApi::metrics},
      {get, "/admin/v1/shards", kViewer, &AdminApi::shards},
      {get, "/admin/v1/region", kViewer, &AdminApi::region},
      {get, "/admin/v1/audit", kAuditor, &AdminApi::audit, {"deep"}},
      {get, "/admin/v1/journal", kAuditor, &AdminApi::journal, {"before"}},
      {get, "/admin/v1/reconciliation", kViewer, &AdminApi::reconciliation},
      {post, "/admin/v1/reconciliation:run", kOperator, &AdminApi::reconcile},
      {get, "/admin/v1/archive", kViewer, &AdminApi::archive},
      {get, "/admin/v1/archive/days", kViewer, &AdminApi::archived_days, {"shard", "from"}},
      {post, "/admin/v1/archive:run", kOperator, &AdminApi::run_archive},
      {get, "/admin/v1/backup", kViewer, &AdminApi::get_backup},
      {post, "/admin/v1/backup", kOperator, &AdminApi::make_backup},
      {get, "/admin/v1/switches", kViewer, &AdminApi::get_switches},
      {put, "/admin/v1/switches", kOperator, &AdminApi::put_switches},
      {get, "/admin/v1/traffic", kViewer, &AdminApi::get_traffic},
      {put, "/admin/v1/traffic", kOperator, &AdminApi::put_traffic},
      {get, "/admin/v1/wallets/{}", kAuditor, &AdminApi::wallet, {}, kToldLate},
      {post, "/admin/v1/wallets/{}:deposit", kOperator, &AdminApi::deposit, {}, kToldLate},
      {post, "/admin/v1/wallets/{}:freeze", kOperator, &AdminApi::freeze, {}, kToldLate},
      {post, "/admin/v1/wallets/{}:unfreeze", kOperator, &AdminApi::unfreeze, {}, kToldLate},
  };
  return table;
}

AdminApi::AdminApi(AdminServices services, AdminApiOptions options)
    : services_(services), options_(std::move(options)), unrouted_(services.registry, "admin", "unrouted") {
  for (const auto& [method, pattern, role, handler, parameters, is_told_late] : routes()) {
    router_.add(method, pattern, parameters);
    const std::string label = fmt::format("{} {}", std::string_view(http::to_string(method)), pattern);
    operations_.push_back(
        {handler, role, label, is_told_late, std::make_unique<OperationMetrics>(services_.registry, "admin", label)});
  }
}

std::optional<AdminCaller> AdminApi::identify(const HttpRequest& request, ApiCall& call) const {
  const std::string_view token = bearer_token(request.header(http::field::authorization));
  auto caller = services_.tokens.find(token);
  if (!caller) {
    if (const auto left_out = log_turn("admin_token_refused")) {
      log_warn("admin_token_refused", {{"from", request.peer()}, {"suppressed", *left_out}});
    }
    call.fail_with({token.empty() ? ErrorCode::kTokenMissing : ErrorCode::kUnauthenticated,
                    "must be \"Bearer <admin token>\"", "Authorization"});
  }
  return caller;
}

void AdminApi::handle(const HttpRequest& request, Reply reply) {
  const auto target = parse_target(request.target());
  const auto match = target ? router_.find(request.method(), target->path) : std::unexpected(target.error());
  ApiCall call(std::move(reply), match ? *operations_[match->route].metrics : unrouted_, options_.command_timeout);
  const auto caller = identify(request, call);
  const auto in = caller ? routed(router_, request, target, match, call) : std::nullopt;
  if (!in) {
    return;
  }
  const Operation& operation = operations_[match->route];
  if (caller->role < operation.role) {
    if (const auto left_out = log_turn("admin_role_refused", caller->name)) {
      log_warn("admin_role_refused", {{"token", caller->name},
                                      {"role", to_text(caller->role)},
                                      {"from", request.peer()},
                                      {"call", operation.label},
                                      {"suppressed", *left_out}});
    }
    call.fail_with({ErrorCode::kRoleNeeded, fmt::format("needs the role {}, and this token's is {}",
                                                        to_text(operation.role), to_text(caller->role))});
    return;
  }
  if (const auto checked = check_call(router_, *match, *in); !checked) {
    call.fail_with(checked.error());
    return;
  }
  if (operation.is_told_late) {
    call.tell_when_late();
  }
  if (changes(request.method())) {
    begin_change(operation, *caller, *in, std::move(call));
  } else {
    (this->*operation.handler)(*in, std::move(call));
  }
}

void AdminApi::begin_change(const Operation& operation, const AdminCaller& caller, const RoutedRequest& in,
                            ApiCall call) {
  AdminChange change = admin_change(caller, in.request, in.target);
  BegunChange begun{.at = {},
                    .token = change.token,
                    .role = std::string(to_text(change.role)),
                    .from = change.from,
                    .call = change.call,
                    .content = change.content};
  services_.journal.begin(std::move(begun),
                          [this, handler = operation.handler, change = std::move(change), held = HeldRequest(in),
                           call = std::move(call)](Result<uint64_t> no) mutable {
                            call.on_answer([this, change = std::move(change), no](const HttpResponse& response) {
                              log_change(change, response);
                              if (no) {
                                services_.journal.end(*no, outcome_of(response));
                              }
                            });
                            if (!no) {
                              call.fail_with(no.error());
                              return;
                            }
                            (this->*handler)({held.request, held.target, held.name}, std::move(call));
                          });
}

void AdminApi::metrics(const RoutedRequest&, ApiCall call) {
  options_.update_metrics();
  call.send({.body = prometheus::TextSerializer().Serialize(services_.registry.Collect()),
             .content_type = "text/plain; version=0.0.4"});
}

}  // namespace hongbao

#include "api/admin/admin_api.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include "api/auth.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {
AdminApi::AdminApi(AdminServices services, AdminApiOptions options)
    : services_(services), options_(std::move(options)), unrouted_(services.registry, "admin", "unrouted") {
  constexpr auto get = http::verb::get;
  constexpr auto post = http::verb::post;
  constexpr auto put = http::verb::put;
  add(get, "/metrics", &AdminApi::metrics);
  add(get, "/admin/v1/shards", &AdminApi::shards);
  add(get, "/admin/v1/region", &AdminApi::region);
  add(get, "/admin/v1/audit", &AdminApi::audit, {"deep"});
  add(get, "/admin/v1/reconciliation", &AdminApi::reconciliation);
  add(post, "/admin/v1/reconciliation:run", &AdminApi::reconcile);
  add(get, "/admin/v1/archive", &AdminApi::archive);
  add(get, "/admin/v1/archive/days", &AdminApi::archived_days, {"shard", "from"});
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

void AdminApi::add(http::verb method, std::string_view pattern, Handler handler,
                   std::vector<std::string_view> parameters) {
  router_.add(method, pattern, std::move(parameters));
  const std::string label = fmt::format("{} {}", std::string_view(http::to_string(method)), pattern);
  operations_.push_back({handler, std::make_unique<OperationMetrics>(services_.registry, "admin", label)});
}

void AdminApi::handle(const HttpRequest& request, Reply reply) {
  const auto target = parse_target(request.target());
  const auto match = target ? router_.find(request.method(), target->path) : std::unexpected(target.error());
  ApiCall call(std::move(reply), match ? *operations_[match->route].metrics : unrouted_, options_.command_timeout);
  const std::string_view token = bearer_token(request.header(http::field::authorization));
  if (!equal_constant_time(as_bytes(token), as_bytes(options_.token))) {
    if (const auto left_out = log_turn("admin_token_refused")) {
      log_warn("admin_token_refused", {{"suppressed", *left_out}});
    }
    call.fail_with({token.empty() ? ErrorCode::kTokenMissing : ErrorCode::kUnauthenticated,
                    "must be \"Bearer <admin token>\"", "Authorization"});
    return;
  }
  const auto in = routed(router_, request, target, match, call);
  if (!in) {
    return;
  }
  if (const auto checked = check_call(router_, *match, *in); !checked) {
    call.fail_with(checked.error());
    return;
  }
  (this->*operations_[match->route].handler)(*in, std::move(call));
}

void AdminApi::metrics(const RoutedRequest&, ApiCall call) {
  options_.update_metrics();
  call.send({.body = prometheus::TextSerializer().Serialize(services_.registry.Collect()),
             .content_type = "text/plain; version=0.0.4"});
}

}  // namespace hongbao

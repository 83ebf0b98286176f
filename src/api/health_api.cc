#include "api/health_api.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kHealthTimeout{1'000};

}  // namespace

HealthApi::HealthApi(const RegionStatus& region, prometheus::Registry& registry)
    : region_(region), unrouted_(registry, "health", "unrouted") {
  add(registry, "/healthz", &HealthApi::health);
  add(registry, "/readyz", &HealthApi::ready);
}

void HealthApi::add(prometheus::Registry& registry, std::string_view path, Handler handler) {
  router_.add(http::verb::get, path, {});
  operations_.push_back({handler, std::make_unique<OperationMetrics>(registry, "health", fmt::format("GET {}", path))});
}

void HealthApi::handle(const HttpRequest& request, Reply reply) {
  const auto target = parse_target(request.target());
  const auto match = target ? router_.find(request.method(), target->path) : std::unexpected(target.error());
  ApiCall call(std::move(reply), match ? *operations_[match->route].metrics : unrouted_, kHealthTimeout);
  const auto in = routed(router_, request, target, match, call);
  if (!in) {
    return;
  }
  if (const auto checked = check_call(router_, *match, *in); !checked) {
    call.fail_with(checked.error());
    return;
  }
  (this->*operations_[match->route].handler)(std::move(call));
}

void HealthApi::health(ApiCall call) const {
  call.send_json(http::status::ok, R"({"status":"ok"})");
}

void HealthApi::ready(ApiCall call) const {
  namespace json = boost::json;
  const auto readiness = region_.readiness();
  json::object body{{"status", readiness.is_ready() ? "ready" : "not ready"}};
  if (!readiness.is_ready()) {
    body["reasons"] = json::value_from(readiness.reasons);
  }
  if (!readiness.degraded.empty()) {
    body["degraded"] = json::value_from(readiness.degraded);
  }
  call.send_json(readiness.is_ready() ? http::status::ok : http::status::service_unavailable, json::serialize(body));
}

}  // namespace hongbao

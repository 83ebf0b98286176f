#include "api/api_call.h"

#include "api/problem.h"
#include "net/http/rules.h"

namespace hongbao {
namespace {

// For what a shard says at the deadline, which knows more; clients were promised to be told within a second of it.
constexpr std::chrono::milliseconds kLateGrace{500};

prometheus::Counter& requests(prometheus::Registry& registry, const std::string& api, const std::string& route,
                              const std::string& status) {
  return add_counter(registry, "hongbao_http_requests_total", "Requests answered, by route and class of status.",
                     {{"api", api}, {"route", route}, {"status", status}});
}

Result<HttpResponse> options_of(const Router& router, const Target& target) {
  const auto methods = router.allowed(target.path);
  if (!methods) {
    return std::unexpected(methods.error());
  }
  return HttpResponse{.status = http::status::no_content, .headers = "Allow: " + *methods + "\r\n"};
}

}  // namespace

OperationMetrics::OperationMetrics(prometheus::Registry& registry, const std::string& api, const std::string& route)
    : succeeded_(requests(registry, api, route, "2xx")),
      refused_(requests(registry, api, route, "4xx")),
      failed_(requests(registry, api, route, "5xx")),
      seconds_(add_histogram(registry, "hongbao_http_request_seconds", "From the parsed request to its answer.",
                             latency_buckets_s(), {{"api", api}, {"route", route}})) {}

void OperationMetrics::observe(http::status status, std::chrono::steady_clock::duration took) {
  const auto number = static_cast<unsigned>(status);
  (number < 400 ? succeeded_ : number < 500 ? refused_ : failed_).Increment();
  seconds_.Observe(std::chrono::duration<double>(took).count());
}

void ApiCall::tell_when_late() {
  reply_.set_late_at(deadline_ + kLateGrace);
}

void ApiCall::send(HttpResponse response) {
  response.close = response.close || close_;
  metrics_->observe(response.status, std::chrono::steady_clock::now() - began_);
  if (hook_) {
    (*hook_)(response);
  }
  reply_.send(std::move(response));
}

void ApiCall::answer(Result<HttpResponse> response) {
  if (response) {
    send(std::move(*response));
  } else {
    fail_with(response.error());
  }
}

void ApiCall::fail_with(const Error& error) {
  send(problem(error));
}

std::optional<RoutedRequest> routed(const Router& router, const HttpRequest& request, const Result<Target>& target,
                                    const Result<Match>& match, ApiCall& call) {
  if (request.method() == http::verb::options && target) {
    call.answer(options_of(router, *target));
    return std::nullopt;
  }
  if (!match) {
    call.fail_with(match.error());
    return std::nullopt;
  }
  return RoutedRequest{request, *target, match->name};
}

Result<void> check_call(const Router& router, const Match& match, const RoutedRequest& in) {
  const auto known = router.check_parameters(match, in.target);
  return known ? check_preconditions(in.request) : known;
}

}  // namespace hongbao

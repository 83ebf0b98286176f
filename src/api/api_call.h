// One call of an API on its way: the request's parts, the right to answer, and what is measured about it. Moved along
// from handler to callback; any thread answers it once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "net/http/router.h"
#include "net/http/types.h"

namespace hongbao {

class OperationMetrics {
 public:
  OperationMetrics(prometheus::Registry& registry, const std::string& api, const std::string& route);
  void observe(http::status status, std::chrono::steady_clock::duration took);

 private:
  prometheus::Counter& succeeded_;  // 2xx and 3xx
  prometheus::Counter& refused_;    // 4xx
  prometheus::Counter& failed_;     // 5xx
  prometheus::Histogram& seconds_;
};

class ApiCall {
 public:
  ApiCall(Reply reply, OperationMetrics& metrics, std::chrono::milliseconds timeout)
      : reply_(std::move(reply)),
        metrics_(&metrics),
        began_(std::chrono::steady_clock::now()),
        deadline_(began_ + timeout) {}

  [[nodiscard]] SteadyTime deadline() const { return deadline_; }
  // Has the client told soon after the deadline when nobody else has by then: whoever should answer may wait for a
  // database that is frozen. Only while the call is handed to its handler.
  void tell_when_late();
  // Whose it is, as a hash of a user's or a channel's name; 0: nobody's.
  void belongs_to(size_t name_hash) { flow_ = name_hash == 0 ? 1 : name_hash; }
  [[nodiscard]] uint64_t flow() const { return flow_; }
  // Sees the answer before it is sent, on the thread that answers.
  using AnswerHook = std::move_only_function<void(const HttpResponse& response)>;
  void on_answer(AnswerHook hook) { hook_ = std::make_unique<AnswerHook>(std::move(hook)); }
  // End the connection behind the answer.
  void close_after() { close_ = true; }

  void send(HttpResponse response);
  void send_json(http::status status, std::string body) { send({.status = status, .body = std::move(body)}); }
  void answer(Result<HttpResponse> response);
  void fail_with(const Error& error);

 private:
  Reply reply_;
  OperationMetrics* metrics_;
  SteadyTime began_;
  SteadyTime deadline_;
  uint64_t flow_ = 0;
  bool close_ = false;
  std::unique_ptr<AnswerHook> hook_;
};

// What a handler reads while it is called.
struct RoutedRequest {
  const HttpRequest& request;
  const Target& target;
  std::string_view name;  // the placeholder of the path
};

// The request, when the router has found its route. nullopt: the call was answered, with the options that were asked
// for (RFC 9110, section 9.3.7), or because there is no such route.
std::optional<RoutedRequest> routed(const Router& router, const HttpRequest& request, const Result<Target>& target,
                                    const Result<Match>& match, ApiCall& call);

// What every call is asked once it is known who asks: its parameters, and preconditions.
Result<void> check_call(const Router& router, const Match& match, const RoutedRequest& in);

}  // namespace hongbao

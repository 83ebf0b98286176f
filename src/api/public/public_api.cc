#include "api/public/public_api.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {
namespace {

// In the order of PacketCall::what.
constexpr std::array<std::string_view, 7> kPacketRoutes{
    "POST /v1/packets",         "POST /v1/packets/{}:pay", "POST /v1/payments:notify", "POST /v1/packets/{}:grab",
    "POST /v1/packets/{}:open", "GET /v1/packets/{}",      "GET /v1/packets/{}/shares"};

// A token that nobody signed for us; one that has expired is everyday.
void alarm_if_forged(const Error& error) {
  if (error.code != ErrorCode::kUnauthenticated) {
    return;
  }
  if (const auto left_out = log_turn("token_refused")) {
    log_warn("token_refused", {{"rule", error.detail}, {"suppressed", *left_out}});
  }
}

}  // namespace

PublicApi::PublicApi(PublicServices services, PublicApiOptions options, prometheus::Registry& registry)
    : services_(services),
      options_(std::move(options)),
      paging_(services.page_tokens, services.control),
      unrouted_(registry, "public", "unrouted"),
      ids_refused_(add_counter(registry, "hongbao_packet_ids_refused_total",
                               "Packet ids whose tag is wrong: nobody was given them.")) {
  constexpr auto get = http::verb::get;
  constexpr auto post = http::verb::post;
  add(post, "/v1/packets/{}:open", &PublicApi::open, registry);
  add(post, "/v1/packets/{}:grab", &PublicApi::grab, registry);
  add(get, "/v1/packets/{}", &PublicApi::view, registry);
  add(post, "/v1/packets", &PublicApi::send, registry);
  add(post, "/v1/packets/{}:pay", &PublicApi::pay, registry);
  add(post, "/v1/payments:notify", &PublicApi::notify, registry, {}, Signer::kChannel);
  add(get, "/v1/packets/{}/shares", &PublicApi::shares, registry, kPageParameters);
  add(get, "/v1/users/me/packets", &PublicApi::sent, registry, kPageParameters);
  add(get, "/v1/users/me/shares", &PublicApi::received, registry, kPageParameters);
  add(get, "/v1/users/me/summary", &PublicApi::summary, registry, {"year"});
  add(get, "/v1/users/me/wallet", &PublicApi::wallet, registry);
  add(get, "/v1/users/me/wallet/transfers", &PublicApi::transfers, registry, kPageParameters);
  for (size_t i = 0; i < peer_metrics_.size(); ++i) {
    peer_metrics_[i] = std::make_unique<OperationMetrics>(registry, "peer", std::string(kPacketRoutes.at(i)));
  }
  for (size_t i = 0; i < grabs_.size(); ++i) {
    const auto outcome = static_cast<OpenOutcome>(i);
    const MetricLabels label{{"outcome", std::string(to_text(outcome))}};
    grabs_[i] = &add_counter(registry, "hongbao_grabs_total", "Grabs answered, by outcome.", label);
    if (outcome != OpenOutcome::kTicket && outcome != OpenOutcome::kNotForYou) {
      opens_[i] = &add_counter(registry, "hongbao_opens_total", "Opens answered, by outcome.", label);
    }
  }
}

void PublicApi::add(http::verb method, std::string_view pattern, Handler handler, prometheus::Registry& registry,
                    std::vector<std::string_view> parameters, Signer signer) {
  router_.add(method, pattern, std::move(parameters));
  const std::string label = fmt::format("{} {}", std::string_view(http::to_string(method)), pattern);
  operations_.push_back({handler, signer, std::make_unique<OperationMetrics>(registry, "public", label)});
}

void PublicApi::handle(const HttpRequest& request, Reply reply) {
  const auto target = parse_target(request.target());
  const auto match = target ? router_.find(request.method(), target->path) : std::unexpected(target.error());
  ApiCall call(std::move(reply), match ? *operations_[match->route].metrics : unrouted_, options_.command_timeout);
  call.tell_when_late();
  if (closing_.load(std::memory_order_relaxed)) {
    call.close_after();
  }
  if (refusing_.load(std::memory_order_relaxed)) {
    HttpResponse response = problem(Error{ErrorCode::kShuttingDown, "the server is stopping"});
    response.close = true;
    call.send(std::move(response));
    return;
  }
  const auto in = routed(router_, request, target, match, call);
  if (!in) {
    return;
  }
  const Operation& operation = operations_[match->route];
  auto caller =
      operation.signer == Signer::kChannel
          ? Result<Caller>()
          : services_.authenticator.caller_of(request.header(http::field::authorization), services_.clock.now());
  if (!caller) {
    alarm_if_forged(caller.error());
    call.fail_with(caller.error());
    return;
  }
  call.belongs_to(std::hash<UserId>()(caller->user));
  if (const auto checked = check_call(router_, *match, *in); !checked) {
    call.fail_with(checked.error());
    return;
  }
  (this->*operation.handler)(*in, std::move(*caller), std::move(call));
}

Result<PacketKey> PublicApi::packet_of(const RoutedRequest& in) const {
  const auto key = services_.ids.parse(in.name);
  if (key) {
    return *key;
  }
  ids_refused_.Increment();
  if (const auto left_out = log_turn("packet_id_refused")) {
    log_warn("packet_id_refused", {{"suppressed", *left_out}});
  }
  return packet_not_found();
}

}  // namespace hongbao

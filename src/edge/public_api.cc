#include "edge/public_api.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "core/channel_signature.h"
#include "core/limits.h"
#include "core/send_request.h"
#include "edge/idempotency_key.h"
#include "edge/json_input.h"
#include "edge/json_output.h"
#include "edge/send_request_input.h"

namespace hongbao {
namespace {

namespace json = boost::json;

// In the order of PacketCall::what.
constexpr std::array<std::string_view, 7> kPacketRoutes{
    "POST /v1/packets",         "POST /v1/packets/{}:pay", "POST /v1/payments:notify", "POST /v1/packets/{}:grab",
    "POST /v1/packets/{}:open", "GET /v1/packets/{}",      "GET /v1/packets/{}/shares"};

// Calls that take no input: an empty body, or an empty object.
Result<void> check_no_input(const HttpRequest& request) {
  return request.body().empty() ? Result<void>() : JsonInput(request.body()).finish();
}

// The text of a body's only field.
Result<std::string> read_one_text(const HttpRequest& request, std::string_view field) {
  JsonInput input(request.body());
  std::string text = input.text(field, kTokenBytesMax);
  if (const auto finished = input.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return text;
}

}  // namespace

PublicApi::PublicApi(PublicServices services, PublicApiOptions options, prometheus::Registry& registry)
    : services_(services),
      options_(std::move(options)),
      paging_(services.page_tokens, services.control),
      unrouted_(registry, "public", "unrouted") {
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
    peer_metrics_[i] = std::make_unique<RouteMetrics>(registry, "peer", std::string(kPacketRoutes.at(i)));
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
  routes_.push_back({handler, signer, std::make_unique<RouteMetrics>(registry, "public", label)});
}

void PublicApi::handle(const HttpRequest& request, Reply reply) {
  const auto target = parse_target(request.target());
  const auto match = target ? router_.find(request.method(), target->path) : std::unexpected(target.error());
  Call call(std::move(reply), match ? *routes_[match->route].metrics : unrouted_, options_.command_timeout);
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
  if (auto options = answer_options(router_, request, target)) {
    call.answer(std::move(*options));
    return;
  }
  if (!match) {
    call.fail_with(match.error());
    return;
  }
  const Incoming in{request, *target, match->name};
  const Route& route = routes_[match->route];
  auto caller =
      route.signer == Signer::kChannel
          ? Result<Caller>()
          : services_.authenticator.caller_of(request.header(http::field::authorization), services_.clock.now());
  if (!caller) {
    call.fail_with(caller.error());
    return;
  }
  if (const auto checked = check_call(router_, *match, in); !checked) {
    call.fail_with(checked.error());
    return;
  }
  (this->*route.handler)(in, std::move(*caller), std::move(call));
}

void PublicApi::answer_peer(const PacketCall& call, Done<PacketAnswer> done) {
  // What the client waits for is measured where its request came in.
  services_.forwarder->carry_out(
      call, [&metrics = *peer_metrics_[call.what.index()], began = std::chrono::steady_clock::now(),
             done = std::move(done)](Result<PacketAnswer> answer) mutable {
        metrics.observe(answer ? http::status::ok : status_of(answer.error().code),
                        std::chrono::steady_clock::now() - began);
        done(std::move(answer));
      });
}

Result<PacketKey> PublicApi::packet_of(const Incoming& in) const {
  const auto key = services_.ids.parse(in.name);
  return key ? Result<PacketKey>(*key) : std::unexpected(packet_not_found().error());
}

void PublicApi::send(const Incoming& in, Caller caller, Call call) {
  services_.profiles.remember(caller.user, caller.profile);
  auto key = require_idempotency_key(in.request);
  if (!key) {
    call.fail_with(key.error());
    return;
  }
  auto request = read_send_request(in.request.body());
  if (!request) {
    call.fail_with(request.error());
    return;
  }
  const auto shard = services_.ordering.choose(caller.user, *key);
  if (!shard) {
    call.fail_with(shard.error());
    return;
  }
  ask(SendCall{std::move(caller.user), std::move(*key), std::move(*request), *shard}, std::move(call),
      [this](const PreOrder& sent) {
        const std::string id = services_.ids.print(sent.order.key);
        const json::object body{{"packet", packet_json(sent, id)}, {"pay_token", sent.pay_token}};
        return HttpResponse{.status = http::status::created,
                            .body = json::serialize(body),
                            .headers = fmt::format("Location: /v1/packets/{}\r\n", id)};
      });
}

void PublicApi::pay(const Incoming& in, Caller caller, Call call) {
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  auto pay_token = read_one_text(in.request, "pay_token");
  auto ordered = pay_token ? services_.ordering.unseal(std::move(*pay_token)) : std::unexpected(pay_token.error());
  if (!ordered) {
    call.fail_with(ordered.error());
    return;
  }
  ask(PayCall{std::move(caller.user), *packet, std::move(*ordered)}, std::move(call), [](const PaymentAnswer& paid) {
    if (paid.outcome == PaymentOutcome::kCreditedToWallet) {
      return problem({ErrorCode::kPayTokenExpired, "was payable for a limited time: the money is back in the wallet",
                      "pay_token"});
    }
    return HttpResponse{.body = json::serialize(json::object{{"packet", packet_json(paid.packet)}})};
  });
}

void PublicApi::notify(const Incoming& in, Caller /*nobody*/, Call call) {
  JsonInput input(in.request.body());
  ChannelPayment payment{.channel = input.text("channel"),
                         .payment_id = input.text("payment_id"),
                         .amount = input.money("amount", Money(1), kShareGreatest * kSharesPerPacketMax),
                         .ordered = {}};
  std::string pay_token = input.text("pay_token", kTokenBytesMax);
  if (!is_name(payment.payment_id, kPaymentIdLengthMax)) {
    input.refuse("payment_id", fmt::format("must be 1 to {} visible ASCII characters", kPaymentIdLengthMax));
  }
  // Who speaks comes before what is said; only a body that is no JSON at all can't be asked for its channel.
  const auto finished = input.finish();
  if (!finished && finished.error().code == ErrorCode::kMalformedJson) {
    call.fail_with(finished.error());
    return;
  }
  const auto secrets = options_.channel_secrets.find(payment.channel);
  const auto signed_by_channel =
      secrets == options_.channel_secrets.end()
          ? fail(ErrorCode::kSignatureInvalid, "must name a channel that this system knows", "channel")
          : check_notification(secrets->second, in.request.find_header("Hongbao-Signature").value_or(""),
                               in.request.body(), services_.clock.now());
  if (!signed_by_channel) {
    call.fail_with(signed_by_channel.error());
    return;
  }
  auto ordered = finished ? services_.ordering.unseal(std::move(pay_token)) : std::unexpected(finished.error());
  if (!ordered) {
    call.fail_with(ordered.error());
    return;
  }
  payment.ordered = std::move(*ordered);
  ask(NotifyCall{std::move(payment)}, std::move(call), [](const PaymentAnswer& paid) {
    const json::object body{{"packet", packet_json(paid.packet)},
                            {"outcome", paid.outcome == PaymentOutcome::kPaid ? "paid" : "credited_to_wallet"}};
    return HttpResponse{.body = json::serialize(body)};
  });
}

void PublicApi::grab(const Incoming& in, Caller caller, Call call) {
  const auto packet = packet_of(in);
  const auto checked = packet ? check_no_input(in.request) : std::unexpected(packet.error());
  if (!checked) {
    call.fail_with(checked.error());
    return;
  }
  ask(GrabCall{std::move(caller.user), *packet}, std::move(call), [this](const GrabAnswer& answer) {
    grabs_[static_cast<size_t>(answer.outcome)]->Increment();
    return HttpResponse{.body = grab_json(answer)};
  });
}

void PublicApi::open(const Incoming& in, Caller caller, Call call) {
  services_.profiles.remember(caller.user, caller.profile);
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  auto ticket = read_one_text(in.request, "ticket");
  if (!ticket) {
    call.fail_with(ticket.error());
    return;
  }
  ask(OpenCall{std::move(caller.user), *packet, std::move(*ticket)}, std::move(call), [this](const OpenAnswer& answer) {
    opens_[static_cast<size_t>(answer.outcome)]->Increment();
    return HttpResponse{.body = open_json(answer)};
  });
}

}  // namespace hongbao

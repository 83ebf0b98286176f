#include "edge/public_api.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/check.h"
#include "core/channel_signature.h"
#include "core/limits.h"
#include "edge/idempotency_key.h"
#include "edge/json_input.h"
#include "edge/json_output.h"
#include "edge/problem.h"
#include "edge/send_request_input.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kTokenBytesMax = 2'048;  // pay tokens and tickets
constexpr size_t kPaymentIdLengthMax = 128;

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
  add(post, "/v1/packets/{}:open", Where::kPacket, &PublicApi::open, registry);
  add(post, "/v1/packets/{}:grab", Where::kPacket, &PublicApi::grab, registry);
  add(get, "/v1/packets/{}", Where::kView, &PublicApi::view, registry);
  add(post, "/v1/packets", Where::kNewPacket, &PublicApi::send, registry);
  add(post, "/v1/packets/{}:pay", Where::kPacket, &PublicApi::pay, registry);
  add(post, "/v1/payments:notify", Where::kPayToken, nullptr, registry);
  add(get, "/v1/packets/{}/shares", Where::kView, &PublicApi::shares, registry, kPageParameters);
  add(get, "/v1/users/me/packets", Where::kAnywhere, &PublicApi::sent, registry, kPageParameters);
  add(get, "/v1/users/me/shares", Where::kAnywhere, &PublicApi::received, registry, kPageParameters);
  add(get, "/v1/users/me/summary", Where::kAnywhere, &PublicApi::summary, registry, {"year"});
  add(get, "/v1/users/me/wallet", Where::kAnywhere, &PublicApi::wallet, registry);
  add(get, "/v1/users/me/wallet/transfers", Where::kAnywhere, &PublicApi::transfers, registry, kPageParameters);
  for (size_t i = 0; i < grabs_.size(); ++i) {
    const auto outcome = static_cast<OpenOutcome>(i);
    const MetricLabels label{{"outcome", std::string(to_text(outcome))}};
    grabs_[i] = &add_counter(registry, "hongbao_grabs_total", "Grabs answered, by outcome.", label);
    if (outcome != OpenOutcome::kTicket && outcome != OpenOutcome::kNotForYou) {
      opens_[i] = &add_counter(registry, "hongbao_opens_total", "Opens answered, by outcome.", label);
    }
  }
}

void PublicApi::add(http::verb method, std::string_view pattern, Where where, AsUser handler,
                    prometheus::Registry& registry, std::vector<std::string_view> parameters) {
  router_.add(method, pattern, std::move(parameters));
  const std::string label = fmt::format("{} {}", std::string_view(http::to_string(method)), pattern);
  routes_.push_back({handler, where, std::make_unique<RouteMetrics>(registry, "public", label),
                     std::make_unique<RouteMetrics>(registry, "peer", label)});
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
  const auto caller = route.handler == nullptr ? Result<Caller>()
                                               : services_.authenticator.caller_of(
                                                     request.header(http::field::authorization), services_.clock.now());
  if (!caller) {
    call.fail_with(caller.error());
    return;
  }
  if (const auto checked = check_call(router_, *match, in); !checked) {
    call.fail_with(checked.error());
    return;
  }
  const UserId& user = caller->user;
  if (route.handler == &PublicApi::open || route.handler == &PublicApi::send) {
    services_.profiles.remember(user, caller->profile);
  }
  const auto shard = services_.forwarder == nullptr ? std::nullopt : shard_of(route, in, user);
  if (!shard) {
    run(route, in, user, std::move(call));
    return;
  }
  PeerRequest copy = copy_of(request, user);
  copy.deadline = call.deadline();
  if (route.where == Where::kNewPacket) {
    copy.shard = shard;
  }
  const bool owned = services_.forwarder->owns(*shard);
  Forwarder::Request errand{.request = std::move(copy), .in_doubt = owned};
  if (!owned && !(route.where == Where::kView && services_.forwarder->is_away(*shard))) {
    services_.forwarder->bring(*shard, std::move(errand), std::move(call));
    return;
  }
  // The shard may leave while the request is on its way; then it follows.
  const Incoming mine{request, *target, match->name, errand.request.shard};
  call.when_not_owner([this, shard = *shard, errand = std::move(errand)](Call* failed) mutable {
    services_.forwarder->bring(shard, std::move(errand), std::move(*failed));
  });
  run(route, mine, user, std::move(call));
}

void PublicApi::answer_here(const PeerRequest& request, Reply reply) {
  const auto target = parse_target(request.target);
  const auto match = target ? router_.find(request.method, target->path) : std::unexpected(target.error());
  // What the client waits for is measured where its request came in.
  Call call(std::move(reply), match ? *routes_[match->route].peer_metrics : unrouted_, request.deadline);
  if (!match) {
    call.fail_with(match.error());
    return;
  }
  HttpRequest made(request.method, request.target, request.body);
  if (request.idempotency_key) {
    made.add_header("Idempotency-Key", *request.idempotency_key);
  }
  if (request.signature) {
    made.add_header("Hongbao-Signature", *request.signature);
  }
  run(routes_[match->route], Incoming{made, *target, match->name, request.shard}, request.user, std::move(call));
}

void PublicApi::run(const Route& route, const Incoming& in, const UserId& user, Call call) {
  if (route.handler == nullptr) {
    notify(in, std::move(call));
  } else {
    (this->*route.handler)(in, user, std::move(call));
  }
}

PeerRequest PublicApi::copy_of(const HttpRequest& request, const UserId& user) {
  const auto text = [](std::optional<std::string_view> header) {
    return header ? std::optional<std::string>(*header) : std::nullopt;
  };
  return {.user = user,
          .method = request.method(),
          .target = std::string(request.target()),
          .body = request.body(),
          .idempotency_key = text(request.find_header("Idempotency-Key")),
          .signature = text(request.find_header("Hongbao-Signature"))};
}

std::optional<ShardId> PublicApi::shard_of(const Route& route, const Incoming& in, const UserId& user) const {
  switch (route.where) {
    case Where::kAnywhere:
      return std::nullopt;
    case Where::kPacket:
    case Where::kView: {
      const auto packet = services_.ids.parse(in.name);
      return packet ? std::optional(packet->shard) : std::nullopt;
    }
    case Where::kNewPacket: {
      const auto key = require_idempotency_key(in.request);
      const auto shard = key ? services_.ordering.choose(user, *key) : std::unexpected(key.error());
      return shard ? std::optional(*shard) : std::nullopt;
    }
    case Where::kPayToken: {
      JsonInput input(in.request.body());
      return services_.ordering.shard_of(input.text("pay_token", kTokenBytesMax));
    }
  }
  CHECK(false);
}

Result<PacketKey> PublicApi::packet_of(const Incoming& in) const {
  const auto key = services_.ids.parse(in.name);
  return key ? Result<PacketKey>(*key) : std::unexpected(packet_not_found().error());
}

void PublicApi::send(const Incoming& in, const UserId& user, Call call) {
  const auto key = require_idempotency_key(in.request);
  if (!key) {
    call.fail_with(key.error());
    return;
  }
  const auto request = read_send_request(in.request.body());
  if (!request) {
    call.fail_with(request.error());
    return;
  }
  const auto shard = in.shard ? Result<ShardId>(*in.shard) : services_.ordering.choose(user, *key);
  if (!shard) {
    call.fail_with(shard.error());
    return;
  }
  services_.ordering.send(*shard, user, *key, *request, [this, call = std::move(call)](Result<PreOrder> sent) mutable {
    if (!sent) {
      call.fail_with(sent.error());
      return;
    }
    const std::string id = services_.ids.print(sent->order.key);
    const json::object body{{"packet", packet_json(*sent, id)}, {"pay_token", sent->pay_token}};
    call.send({.status = http::status::created,
               .body = json::serialize(body),
               .headers = fmt::format("Location: /v1/packets/{}\r\n", id)});
  });
}

void PublicApi::answer_payment(Result<PaidPacket> paid, std::optional<ShardId> shard, bool say_outcome, Call call) {
  if (!paid) {
    // The money may have moved when the shard did: its owner goes on from there.
    call.fail_with(paid.error(), shard && services_.forwarder != nullptr && !services_.forwarder->owns(*shard));
    return;
  }
  const SteadyTime deadline = call.deadline();
  const PacketKey packet = paid->packet;
  services_.viewing.view(
      packet, deadline,
      [this, say_outcome, paid = std::move(*paid), call = std::move(call)](Result<PacketView> view) mutable {
        const bool is_unknown = !view && view.error().code == ErrorCode::kNotFound && paid.ordered;
        if (!view && !is_unknown) {  // it was paid, so "not now" would be a lie
          call.fail_with(view.error().code == ErrorCode::kFenced
                             ? view.error()
                             : Error{ErrorCode::kOutcomeUnknown, "it was paid, and can't be shown now; ask again"});
          return;
        }
        json::object body{
            {"packet", view ? packet_json(*view) : packet_json(*paid.ordered, services_.ids.print(paid.packet))}};
        if (say_outcome) {
          body["outcome"] = paid.outcome == PaymentOutcome::kPaid ? "paid" : "credited_to_wallet";
        }
        call.send_json(http::status::ok, json::serialize(body));
      });
}

void PublicApi::pay(const Incoming& in, const UserId& user, Call call) {
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  const auto pay_token = read_one_text(in.request, "pay_token");
  if (!pay_token) {
    call.fail_with(pay_token.error());
    return;
  }
  const SteadyTime deadline = call.deadline();
  services_.ordering.pay(
      user, *packet, *pay_token, deadline,
      [this, shard = packet->shard, call = std::move(call)](Result<PaidPacket> paid) mutable {
        if (paid && paid->outcome == PaymentOutcome::kCreditedToWallet) {
          call.fail_with({ErrorCode::kPayTokenExpired,
                          "was payable for a limited time: the money is back in the wallet", "pay_token"});
          return;
        }
        answer_payment(std::move(paid), shard, /*say_outcome=*/false, std::move(call));
      });
}

void PublicApi::notify(const Incoming& in, Call call) {
  JsonInput input(in.request.body());
  ChannelPayment payment{.channel = input.text("channel"),
                         .payment_id = input.text("payment_id"),
                         .amount = input.money("amount", Money(1), kShareGreatest * kSharesPerPacketMax),
                         .pay_token = input.text("pay_token", kTokenBytesMax)};
  if (const std::string& id = payment.payment_id;
      id.empty() || id.size() > kPaymentIdLengthMax || !is_visible_ascii(id)) {
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
  if (!finished) {
    call.fail_with(finished.error());
    return;
  }
  const SteadyTime deadline = call.deadline();
  const auto shard = services_.ordering.shard_of(payment.pay_token);
  services_.ordering.accept(payment, deadline, [this, shard, call = std::move(call)](Result<PaidPacket> paid) mutable {
    answer_payment(std::move(paid), shard, /*say_outcome=*/true, std::move(call));
  });
}

void PublicApi::grab(const Incoming& in, const UserId& user, Call call) {
  const auto packet = packet_of(in);
  const auto checked = packet ? check_no_input(in.request) : std::unexpected(packet.error());
  if (!checked) {
    call.fail_with(checked.error());
    return;
  }
  const SteadyTime deadline = call.deadline();
  services_.opening.grab(*packet, user, deadline, [this, call = std::move(call)](Result<GrabAnswer> answer) mutable {
    if (!answer) {
      call.fail_with(answer.error());
      return;
    }
    grabs_[static_cast<size_t>(answer->outcome)]->Increment();
    call.send_json(http::status::ok, grab_json(*answer));
  });
}

void PublicApi::open(const Incoming& in, const UserId& user, Call call) {
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  const auto ticket = read_one_text(in.request, "ticket");
  if (!ticket) {
    call.fail_with(ticket.error());
    return;
  }
  const SteadyTime deadline = call.deadline();
  services_.opening.open(*packet, user, *ticket, deadline,
                         [this, call = std::move(call)](Result<OpenAnswer> answer) mutable {
                           if (!answer) {
                             call.fail_with(answer.error());
                             return;
                           }
                           opens_[static_cast<size_t>(answer->outcome)]->Increment();
                           call.send_json(http::status::ok, open_json(*answer));
                         });
}

}  // namespace hongbao

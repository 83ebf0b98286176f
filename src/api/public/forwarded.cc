// The part of the public API about calls that came in at another node: what a node shows the other, and what that other
// believes. A node vouches for nothing: whoever had one node's key could ask for what no user has asked for.
#include "api/public/public_api.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "core/channel_signature.h"

namespace hongbao {
namespace {

// How much later than where it came in a call may be looked at: its whole time, and clocks that differ.
constexpr std::chrono::seconds kOnItsWay{30};

std::unexpected<Error> disbelieve(const char* what) {
  return fail(ErrorCode::kUnauthenticated, what, "Authorization");
}

}  // namespace

CallProof PublicApi::proof_of(const HttpRequest& request, bool is_by_channel) {
  if (is_by_channel) {
    return {std::string(request.find_header(kSignatureHeader).value_or("")), request.body()};
  }
  return {std::string(request.header(http::field::authorization)), {}};
}

Result<void> PublicApi::believe_channel(NotifyCall& call, const CallProof& proof) const {
  auto payment = read_notification(proof.body, proof.credential, kOnItsWay);
  if (!payment) {
    return std::unexpected(payment.error());
  }
  if (payment->ordered.order.key != call.payment.ordered.order.key) {
    return disbelieve("is of another packet");
  }
  call.payment = std::move(*payment);
  return {};
}

Result<void> PublicApi::believe(PacketCall& call) const {
  if (auto* notify = std::get_if<NotifyCall>(&call.what)) {
    return believe_channel(*notify, call.proof);
  }
  const Timestamp now = services_.clock.now();
  auto caller = services_.authenticator.caller_of(call.proof.credential, now);
  if (!caller && caller.error().code == ErrorCode::kTokenExpired) {
    caller = services_.authenticator.caller_of(call.proof.credential, now - kOnItsWay);
  }
  if (!caller) {
    return std::unexpected(caller.error());
  }
  if (const UserId* user = user_of(call); user != nullptr && *user != caller->user) {
    return disbelieve("is another user's");
  }
  set_asker(call, std::move(caller->groups), caller->home);
  if (auto* pay = std::get_if<PayCall>(&call.what)) {
    auto ordered = services_.ordering.unseal(std::move(pay->ordered.pay_token));
    if (!ordered) {
      return std::unexpected(ordered.error());
    }
    pay->ordered = std::move(*ordered);
  }
  return {};
}

void PublicApi::answer_peer(PacketCall call, Done<PacketAnswer> done) {
  // What the client waits for is measured where its request came in.
  const auto began = std::chrono::steady_clock::now();
  OperationMetrics& metrics = *peer_metrics_[call.what.index()];
  if (const auto believed = believe(call); !believed) {
    if (const auto left_out = log_turn("forwarded_call_refused")) {
      log_warn("forwarded_call_refused", {{"rule", believed.error().detail}, {"suppressed", *left_out}});
    }
    metrics.observe(status_of(believed.error().code), std::chrono::steady_clock::now() - began);
    done(std::unexpected(believed.error()));
    return;
  }
  services_.forwarder->carry_out(call, [&metrics, began, done = std::move(done)](Result<PacketAnswer> answer) mutable {
    metrics.observe(answer ? http::status::ok : status_of(answer.error().code),
                    std::chrono::steady_clock::now() - began);
    done(std::move(answer));
  });
}

}  // namespace hongbao

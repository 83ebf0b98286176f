// The part of the public API about payments: from a wallet, and told by a channel.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "api/json_input.h"
#include "api/public/json_output.h"
#include "api/public/public_api.h"
#include "core/channel_signature.h"
#include "core/limits.h"

namespace hongbao {
namespace {

namespace json = boost::json;

}  // namespace

void PublicApi::pay(const RoutedRequest& in, Caller caller, ApiCall call) {
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  auto pay_token = read_one_text(in.request.body(), "pay_token", kTokenBytesMax);
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

void PublicApi::notify(const RoutedRequest& in, Caller /*nobody*/, ApiCall call) {
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
  call.belongs_to(std::hash<std::string>()(payment.channel));
  ask(NotifyCall{std::move(payment)}, std::move(call), [](const PaymentAnswer& paid) {
    const json::object body{{"packet", packet_json(paid.packet)},
                            {"outcome", paid.outcome == PaymentOutcome::kPaid ? "paid" : "credited_to_wallet"}};
    return HttpResponse{.body = json::serialize(body)};
  });
}

}  // namespace hongbao

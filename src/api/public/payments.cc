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
  ask(in, PayCall{std::move(caller.user), *packet, std::move(*ordered)}, std::move(call),
      [](const PaymentAnswer& paid) {
        if (paid.outcome == PaymentOutcome::kCreditedToWallet) {
          return problem({ErrorCode::kPayTokenExpired,
                          "was payable for a limited time: the money is back in the wallet", "pay_token"});
        }
        return HttpResponse{.body = json::serialize(json::object{{"packet", packet_json(paid.packet)}})};
      });
}

Result<ChannelPayment> PublicApi::read_notification(std::string_view body, std::string_view signature,
                                                    std::chrono::seconds leeway) const {
  JsonInput input(body);
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
    return std::unexpected(finished.error());
  }
  const auto secrets = options_.channel_secrets.find(payment.channel);
  const auto signed_by_channel =
      secrets == options_.channel_secrets.end()
          ? fail(ErrorCode::kSignatureInvalid, "must name a channel that this system knows", "channel")
          : check_notification(secrets->second, signature, body, services_.clock.now(), leeway);
  if (!signed_by_channel) {
    return std::unexpected(signed_by_channel.error());
  }
  auto ordered = finished ? services_.ordering.unseal(std::move(pay_token)) : std::unexpected(finished.error());
  if (!ordered) {
    return std::unexpected(ordered.error());
  }
  payment.ordered = std::move(*ordered);
  return payment;
}

void PublicApi::notify(const RoutedRequest& in, Caller /*nobody*/, ApiCall call) {
  auto payment = read_notification(in.request.body(), in.request.find_header(kSignatureHeader).value_or(""), {});
  if (!payment) {
    call.fail_with(payment.error());
    return;
  }
  call.belongs_to(std::hash<std::string>()(payment->channel));
  ask(in, NotifyCall{std::move(*payment)}, std::move(call), [](const PaymentAnswer& paid) {
    const json::object body{{"packet", packet_json(paid.packet)},
                            {"outcome", paid.outcome == PaymentOutcome::kPaid ? "paid" : "credited_to_wallet"}};
    return HttpResponse{.body = json::serialize(body)};
  });
}

}  // namespace hongbao

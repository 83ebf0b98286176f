// The part of the public API about packets: send, view, grab, open.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "api/idempotency_key.h"
#include "api/json_input.h"
#include "api/public/json_output.h"
#include "api/public/public_api.h"
#include "api/public/send_request_input.h"

namespace hongbao {
namespace {

namespace json = boost::json;

// Calls that take no input: an empty body, or an empty object.
Result<void> check_no_input(const HttpRequest& request) {
  return request.body().empty() ? Result<void>() : JsonInput(request.body()).finish();
}

Asker asker_of(Caller caller) {
  return {std::move(caller.user), std::move(caller.groups), caller.home};
}

}  // namespace

void PublicApi::send(const RoutedRequest& in, Caller caller, ApiCall call) {
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
  ask(in, SendCall{asker_of(std::move(caller)), std::move(*key), std::move(*request), *shard}, std::move(call),
      [this](const PreOrder& sent) {
        const std::string id = services_.ids.print(sent.order.key);
        const json::object body{{"packet", packet_json(sent, id)}, {"pay_token", sent.pay_token}};
        return HttpResponse{.status = http::status::created,
                            .body = json::serialize(body),
                            .headers = fmt::format("Location: /v1/packets/{}\r\n", id)};
      });
}

void PublicApi::view(const RoutedRequest& in, Caller caller, ApiCall call) {
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  ask(in, ViewCall{asker_of(std::move(caller)), *packet}, std::move(call), [](const PacketView& view) {
    return HttpResponse{.body = json::serialize(json::object{{"packet", packet_json(view)}})};
  });
}

void PublicApi::shares(const RoutedRequest& in, Caller caller, ApiCall call) {
  static_assert(kPageSizeMax == kSharesPageMax);
  const auto packet = packet_of(in);
  std::string scope = fmt::format("packet:{}", in.name);
  const auto page = packet ? paging_.read(in.target, scope) : std::unexpected(packet.error());
  if (!page) {
    call.fail_with(page.error());
    return;
  }
  // Shares are listed by number: their pages begin at a tie.
  const auto first = page->position ? static_cast<uint32_t>(page->position->tie) : 1;
  ask(in, SharesCall{asker_of(std::move(caller)), *packet, first, page->size}, std::move(call),
      [this, scope = std::move(scope), page = *page](const SharesPage& found) {
        json::object body = shares_json(found);
        if (found.next_seq != 0) {
          paging_.add_next(body, scope, page, {.tie = found.next_seq});
        }
        return HttpResponse{.body = json::serialize(body)};
      });
}

void PublicApi::grab(const RoutedRequest& in, Caller caller, ApiCall call) {
  const auto packet = packet_of(in);
  const auto checked = packet ? check_no_input(in.request) : std::unexpected(packet.error());
  if (!checked) {
    call.fail_with(checked.error());
    return;
  }
  ask(in, GrabCall{asker_of(std::move(caller)), *packet}, std::move(call), [this](const GrabAnswer& answer) {
    grabs_[static_cast<size_t>(answer.outcome)]->Increment();
    return HttpResponse{.body = grab_json(answer)};
  });
}

void PublicApi::open(const RoutedRequest& in, Caller caller, ApiCall call) {
  services_.profiles.remember(caller.user, caller.profile);
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  auto ticket = read_one_text(in.request.body(), "ticket", kTokenBytesMax);
  if (!ticket) {
    call.fail_with(ticket.error());
    return;
  }
  ask(in, OpenCall{asker_of(std::move(caller)), *packet, std::move(*ticket)}, std::move(call),
      [this](const OpenAnswer& answer) {
        opens_[static_cast<size_t>(answer.outcome)]->Increment();
        return HttpResponse{.body = open_json(answer)};
      });
}

}  // namespace hongbao

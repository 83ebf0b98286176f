#include "api/public/send_request_input.h"

#include "api/json_input.h"
#include "core/limits.h"

namespace hongbao {
namespace {

UserId read_user(JsonInput& input, std::string_view field, const std::string& text) {
  const auto user = UserId::parse(text);
  if (!user) {
    input.refuse(field, "must be 1 to 64 of A-Z a-z 0-9 . _ @ -");
  }
  return user.value_or(UserId());
}

}  // namespace

Result<SendRequest> read_send_request(const std::string& body) {
  JsonInput input(body);
  SendRequest request;
  if (const auto kind = parse_packet_kind(input.text("kind"))) {
    request.kind = *kind;
  } else {
    input.refuse("kind", "must be one of lucky, equal, exclusive");
  }
  request.total = input.money("total_amount", kShareLeast, kShareGreatest * kSharesPerPacketMax);
  request.count = static_cast<uint32_t>(input.integer("count", 1, kSharesPerPacketMax));
  request.greeting = input.optional_text("greeting").value_or(std::string(kGreetingDefault));
  if (const auto recipient = input.optional_text("recipient_id")) {
    request.recipient = read_user(input, "recipient_id", *recipient);
  }
  request.rule = request.kind == PacketKind::kLucky ? Rule::kClassic : Rule::kEqual;
  if (const auto allocation = input.optional_text("allocation")) {
    if (const auto rule = parse_rule(*allocation)) {
      request.rule = *rule;
    } else {
      input.refuse("allocation", "must be one of classic, fair, equal");
    }
  }
  auto finished = input.finish();
  if (finished) {
    finished = check_send_request(request);
  }
  if (!finished) {
    return std::unexpected(finished.error());
  }
  return request;
}

}  // namespace hongbao

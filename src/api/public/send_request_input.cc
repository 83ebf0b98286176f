#include "api/public/send_request_input.h"

#include "api/json_input.h"
#include "core/limits.h"

namespace hongbao {
namespace {

// A user or a group.
template <class Name>
Name read_name(JsonInput& input, std::string_view field) {
  const auto text = input.optional_text(field);
  if (!text) {
    return {};
  }
  const auto name = Name::parse(*text);
  if (!name) {
    input.refuse(field, "must be 1 to 64 of A-Z a-z 0-9 . _ @ -");
  }
  return name.value_or(Name());
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
  request.recipient = read_name<UserId>(input, "recipient_id");
  request.group = read_name<GroupId>(input, "group_id");
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

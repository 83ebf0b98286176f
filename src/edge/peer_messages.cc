#include "edge/peer_messages.h"

#include <peer.pb.h>

#include <algorithm>
#include <limits>

namespace hongbao {
namespace {

namespace wire = peer::v1;

// A response names its type by a text that lives as long as the program.
constexpr std::string_view kContentTypes[] = {"application/json", "application/problem+json"};

uint32_t timeout_ms(SteadyTime deadline, SteadyTime now) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(left, 0, std::numeric_limits<uint32_t>::max()));
}

template <class Message>
void serialize(const Message& message, std::string& out) {
  out.clear();
  message.AppendToString(&out);
}

bool parse(google::protobuf::Message& message, std::string_view bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::unexpected<Error> refusal_as_error(wire::Response::Refusal refusal) {
  switch (refusal) {
    case wire::Response::OVERLOADED:
      return fail(ErrorCode::kOverloaded, "the node that owns the packet has too many requests under way");
    case wire::Response::NOT_ANSWERED:
      return fail(ErrorCode::kOutcomeUnknown, "the node that owns the packet has not answered");
    default:
      return fail(ErrorCode::kInternal, "the node that owns the packet can't answer this");
  }
}

}  // namespace

void encode(const PeerRequest& request, SteadyTime now, std::string& out) {
  thread_local wire::Request message;
  message.set_user(request.user.text());
  const auto method = http::to_string(request.method);
  message.set_method(method.data(), method.size());
  message.set_target(request.target);
  message.set_body(request.body);
  if (request.idempotency_key) {
    message.set_idempotency_key(*request.idempotency_key);
  } else {
    message.clear_idempotency_key();
  }
  if (request.signature) {
    message.set_signature(*request.signature);
  } else {
    message.clear_signature();
  }
  message.set_timeout_ms(timeout_ms(request.deadline, now));
  message.set_shard(request.shard ? to_text(*request.shard) : std::string());
  serialize(message, out);
}

void encode(HttpResponse response, std::string& out) {
  thread_local wire::Response message;
  message.set_not_owner(response.not_owner);
  message.set_status(static_cast<uint32_t>(response.status));
  message.set_content_type(response.content_type.data(), response.content_type.size());
  message.set_headers(std::move(response.headers));
  message.set_body(std::move(response.body));
  serialize(message, out);
}

void encode(PeerRefusal refusal, std::string& out) {
  wire::Response message;
  message.set_refusal(refusal == PeerRefusal::kOverloaded    ? wire::Response::OVERLOADED
                      : refusal == PeerRefusal::kNotAnswered ? wire::Response::NOT_ANSWERED
                                                             : wire::Response::FAILED);
  serialize(message, out);
}

bool decode_request(std::string_view bytes, SteadyTime now, PeerRequest& request) {
  thread_local wire::Request message;
  if (!parse(message, bytes)) {
    return false;
  }
  auto user = message.user().empty() ? UserId() : UserId::parse(message.user());
  request.method = http::string_to_verb(message.method());
  request.shard = parse_shard_id(message.shard());
  if (!user || request.method == http::verb::unknown || (!request.shard && !message.shard().empty())) {
    return false;
  }
  request.user = std::move(*user);
  request.target.swap(*message.mutable_target());
  request.body.swap(*message.mutable_body());
  request.idempotency_key.reset();
  if (message.has_idempotency_key()) {
    request.idempotency_key = message.idempotency_key();
  }
  request.signature.reset();
  if (message.has_signature()) {
    request.signature = message.signature();
  }
  request.deadline = now + std::chrono::milliseconds(message.timeout_ms());
  return true;
}

Result<HttpResponse> decode_response(std::string_view bytes) {
  thread_local wire::Response message;
  const bool parsed = parse(message, bytes);
  if (parsed && message.refusal() != wire::Response::NONE) {
    return refusal_as_error(message.refusal());
  }
  const auto* type = std::find(std::begin(kContentTypes), std::end(kContentTypes), message.content_type());
  const auto status = http::int_to_status(message.status());
  if (!parsed || type == std::end(kContentTypes) || status == http::status::unknown) {
    return fail(ErrorCode::kOutcomeUnknown, "the node that owns the packet has not answered as it should");
  }
  return HttpResponse{.status = status,
                      .body = std::move(*message.mutable_body()),
                      .content_type = *type,
                      .headers = std::move(*message.mutable_headers()),
                      .not_owner = message.not_owner()};
}

}  // namespace hongbao

#include "edge/peer_messages.h"

#include <gtest/gtest.h>

namespace hongbao {
namespace {

using std::chrono::milliseconds;

const SteadyTime kNow{std::chrono::hours(1)};

PeerRequest some_request() {
  return {.user = UserId::trusted("alice"),
          .method = http::verb::post,
          .target = "/v1/packets/s007-261122-0b3k9-4qz8mn2r:open?\xff",
          .body = std::string("{\"ticket\":\"\0\xfe\"}", 15),
          .idempotency_key = "key",
          .signature = "t=1,v1=2",
          .deadline = kNow + milliseconds(1'500)};
}

PeerRequest sent(const PeerRequest& request, PeerRequest arrived = {}) {
  std::string bytes = "left over";
  encode(request, kNow, bytes);
  // The other node's clock shows something else.
  EXPECT_TRUE(decode_request(bytes, SteadyTime(), arrived));
  return arrived;
}

TEST(PeerMessages, ARequestArrivesAsItWasSent) {
  const PeerRequest request = some_request();
  const PeerRequest arrived = sent(request);
  EXPECT_EQ(arrived.user, request.user);
  EXPECT_EQ(arrived.method, request.method);
  EXPECT_EQ(arrived.target, request.target);
  EXPECT_EQ(arrived.body, request.body);
  EXPECT_EQ(arrived.idempotency_key, request.idempotency_key);
  EXPECT_EQ(arrived.signature, request.signature);
  EXPECT_EQ(arrived.deadline, SteadyTime(milliseconds(1'500)));
}

TEST(PeerMessages, NothingOfAnEarlierRequestIsLeft) {
  const PeerRequest empty{.method = http::verb::get, .target = "/", .deadline = kNow};
  (void)sent(some_request());
  const PeerRequest arrived = sent(empty, some_request());
  EXPECT_TRUE(arrived.user.empty());
  EXPECT_EQ(arrived.method, http::verb::get);
  EXPECT_EQ(arrived.target, "/");
  EXPECT_EQ(arrived.body, "");
  EXPECT_FALSE(arrived.idempotency_key || arrived.signature);
  EXPECT_EQ(arrived.deadline, SteadyTime());
}

TEST(PeerMessages, ADeadlineThatHasPassedLeavesNoTime) {
  PeerRequest request = some_request();
  request.deadline = kNow - milliseconds(5);
  EXPECT_EQ(sent(request).deadline, SteadyTime());
}

TEST(PeerMessages, WhatIsNoRequestIsRefused) {
  PeerRequest arrived;
  EXPECT_FALSE(decode_request("\xff\xff", kNow, arrived));
  EXPECT_FALSE(decode_request("", kNow, arrived)) << "it names no method";
  std::string bytes;
  PeerRequest request = some_request();
  request.user = UserId::trusted("not a user id");
  encode(request, kNow, bytes);
  EXPECT_FALSE(decode_request(bytes, kNow, arrived));
}

TEST(PeerMessages, AResponseArrivesAsItWasSent) {
  for (const bool is_problem : {false, true}) {
    const HttpResponse response{.status = http::status::service_unavailable,
                                .body = "{\xff}",
                                .content_type = is_problem ? "application/problem+json" : "application/json",
                                .headers = "Retry-After: 1\r\n",
                                .not_owner = is_problem};
    std::string bytes;
    encode(HttpResponse(response), bytes);
    const auto arrived = decode_response(bytes);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(arrived->status, response.status);
    EXPECT_EQ(arrived->body, response.body);
    EXPECT_EQ(arrived->content_type, response.content_type);
    EXPECT_EQ(arrived->headers, response.headers);
    EXPECT_EQ(arrived->not_owner, response.not_owner);
  }
}

TEST(PeerMessages, NothingOfAnEarlierResponseIsLeft) {
  std::string bytes;
  encode(HttpResponse{.body = "body", .headers = "A: b\r\n", .not_owner = true}, bytes);
  ASSERT_TRUE(decode_response(bytes));
  encode(HttpResponse{}, bytes);
  const auto arrived = decode_response(bytes);
  EXPECT_EQ(arrived->body + arrived->headers, "");
  EXPECT_FALSE(arrived->not_owner);
}

TEST(PeerMessages, RefusalsAreErrors) {
  const auto code_of = [](PeerRefusal refusal) {
    std::string bytes;
    encode(refusal, bytes);
    return decode_response(bytes).error().code;
  };
  EXPECT_EQ(code_of(PeerRefusal::kOverloaded), ErrorCode::kOverloaded);
  EXPECT_EQ(code_of(PeerRefusal::kNotAnswered), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(code_of(PeerRefusal::kFailed), ErrorCode::kInternal);
}

TEST(PeerMessages, WhatIsNoResponseLeavesTheOutcomeUnknown) {
  std::string unknown_type;
  encode(HttpResponse{.content_type = "text/html"}, unknown_type);
  for (const std::string& bytes : {std::string("\xff\xff"), std::string(), unknown_type}) {
    EXPECT_EQ(decode_response(bytes).error().code, ErrorCode::kOutcomeUnknown);
  }
}

}  // namespace
}  // namespace hongbao

#include "api/problem.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "routing/forwarder.h"

namespace hongbao {
namespace {

using enum ErrorCode;

boost::json::object body_of(const HttpResponse& response) {
  return boost::json::parse(response.body).as_object();
}

std::string type_of(const Error& error) {
  return std::string(body_of(problem(error)).at("type").as_string());
}

// kInternal is the last.
constexpr int kErrorCodes = static_cast<int>(kInternal) + 1;

TEST(Problem, EveryErrorCodeHasAnEntry) {
  for (int i = 0; i < kErrorCodes; ++i) {
    const Error error{static_cast<ErrorCode>(i), "words"};
    const HttpResponse response = problem(error);
    EXPECT_EQ(response.status, status_of(error.code));
    EXPECT_EQ(response.content_type, "application/problem+json");
    const auto body = body_of(response);
    EXPECT_EQ(body.at("status").as_int64(), static_cast<int64_t>(response.status));
    EXPECT_TRUE(body.at("type").as_string().starts_with("urn:hongbao:problem:"));
    EXPECT_FALSE(body.at("title").as_string().empty());
    EXPECT_FALSE(body.at("detail").as_string().empty());
    EXPECT_FALSE(response.close);
  }
}

// Clients decide on these: a change breaks them.
TEST(Problem, StatusAndNameAreStable) {
  const std::vector<std::tuple<ErrorCode, unsigned, const char*>> contract{
      {kMalformedRequest, 400, "malformed_request"},
      {kMalformedJson, 400, "malformed_json"},
      {kInvalidField, 422, "invalid_field"},
      {kUnknownField, 422, "unknown_field"},
      {kMissingHeader, 400, "missing_header"},
      {kBodyTooLarge, 413, "body_too_large"},
      {kHeaderTooLarge, 431, "header_too_large"},
      {kTargetTooLong, 414, "target_too_long"},
      {kRequestTimeout, 408, "request_timeout"},
      {kNotImplemented, 501, "not_implemented"},
      {kVersionNotSupported, 505, "version_not_supported"},
      {kUnsupportedMediaType, 415, "unsupported_media_type"},
      {kExpectationFailed, 417, "expectation_failed"},
      {kPreconditionFailed, 412, "precondition_failed"},
      {kNoSuchPath, 404, "no_such_path"},
      {kMethodNotAllowed, 405, "method_not_allowed"},
      {kPageTokenInvalid, 400, "page_token_invalid"},
      {kTokenMissing, 401, "unauthenticated"},
      {kUnauthenticated, 401, "unauthenticated"},
      {kTokenExpired, 401, "token_expired"},
      {kForbidden, 403, "forbidden"},
      {kNotInGroup, 403, "not_in_group"},
      {kOpenFirst, 403, "open_first"},
      {kRoleNeeded, 403, "role_needed"},
      {kTicketInvalid, 403, "ticket_invalid"},
      {kTicketExpired, 403, "ticket_expired"},
      {kSignatureInvalid, 401, "signature_invalid"},
      {kNotificationStale, 401, "notification_stale"},
      {kNotFound, 404, "not_found"},
      {kNotPaid, 409, "not_paid"},
      {kIdempotencyKeyReused, 422, "idempotency_key_reused"},
      {kPayTokenInvalid, 422, "pay_token_invalid"},
      {kPayTokenExpired, 409, "pay_token_expired"},
      {kAmountMismatch, 422, "amount_mismatch"},
      {kPaymentIdReused, 409, "payment_id_reused"},
      {kAlreadySent, 409, "already_sent"},
      {kInsufficientFunds, 402, "insufficient_funds"},
      {kAccountFrozen, 403, "account_frozen"},
      {kTransferIdReused, 409, "transfer_id_reused"},
      {kDepositLimit, 409, "deposit_limit_reached"},
      {kOverloaded, 503, "overloaded"},
      {kPacketBusy, 429, "packet_busy"},
      {kUnavailable, 503, "unavailable"},
      {kDeadlineExceeded, 503, "deadline_exceeded"},
      {kOutcomeUnknown, 503, "outcome_unknown"},
      {kShuttingDown, 503, "shutting_down"},
      {kSwitchedOff, 503, "switched_off"},
      {kFenced, 503, "unavailable"},
      {kJournalUnavailable, 503, "journal_unavailable"},
      {kStorage, 503, "storage"},
      {kConfig, 500, "internal"},
      {kInternal, 500, "internal"},
  };
  EXPECT_EQ(contract.size(), static_cast<size_t>(kErrorCodes));
  for (const auto& [code, status, name] : contract) {
    EXPECT_EQ(static_cast<unsigned>(status_of(code)), status) << name;
    EXPECT_EQ(says_not_now(code), status == 503 || status == 429) << name << " is for clients to ask again";
    EXPECT_EQ(type_of({code}), std::string("urn:hongbao:problem:") + name);
  }
}

TEST(Problem, AFieldAtFaultIsNamedWithItsRule) {
  const auto body = body_of(problem(Error{kInvalidField, "must be at least 1", "count"}));
  EXPECT_EQ(body.at("field").as_string(), "count");
  EXPECT_EQ(body.at("rule").as_string(), "must be at least 1");
  EXPECT_EQ(body.at("detail").as_string(), "count: must be at least 1");
}

TEST(Problem, APacketThatWasPaidBeforeIsNamed) {
  Error error{ErrorCode::kAlreadySent, "nothing was paid now"};
  error.packet_id = "s007-261122-00300003k-ecrka3wj";
  EXPECT_TRUE(problem(error).body.contains(R"("packet_id":"s007-261122-00300003k-ecrka3wj")"));
  EXPECT_FALSE(problem(Error{ErrorCode::kNotFound}).body.contains("packet_id"));
}

TEST(Problem, WhatAnEngineSaidStaysInside) {
  for (const ErrorCode code : {kStorage, kInternal, kConfig}) {
    const HttpResponse response = problem(Error{code, "UNIQUE constraint failed: secret_table", "secret_field"});
    EXPECT_EQ(response.body.find("secret"), std::string::npos) << response.body;
    EXPECT_EQ(response.headers.find("secret"), std::string::npos);
    EXPECT_FALSE(body_of(response).contains("field"));
  }
}

TEST(Problem, MethodNotAllowedNamesTheMethodsInAllow) {
  const HttpResponse response = problem(Error{kMethodNotAllowed, "the path takes GET, PUT", "GET, PUT"});
  EXPECT_EQ(response.headers, "Allow: GET, PUT\r\n");
  EXPECT_FALSE(body_of(response).contains("field"));
}

TEST(Problem, OverloadSaysWhenToComeBackAndUnauthorizedHow) {
  for (int i = 0; i < kErrorCodes; ++i) {
    const HttpResponse response = problem(Error{static_cast<ErrorCode>(i)});
    const auto status = static_cast<unsigned>(response.status);
    EXPECT_EQ(response.headers.find("Retry-After: ") != std::string::npos, status == 429 || status == 503) << i;
    EXPECT_EQ(response.headers.find("WWW-Authenticate: ") != std::string::npos, status == 401) << i;
  }
}

TEST(Problem, AChallengeSaysWhatIsWrongWithATokenThatWasPresented) {
  const auto challenge = [](ErrorCode code) { return problem(Error{code}).headers; };
  EXPECT_EQ(challenge(kTokenMissing), "WWW-Authenticate: Bearer realm=\"hongbao\"\r\n");
  for (const ErrorCode code : {kUnauthenticated, kTokenExpired}) {
    EXPECT_EQ(challenge(code), "WWW-Authenticate: Bearer realm=\"hongbao\", error=\"invalid_token\"\r\n");
  }
  for (const ErrorCode code : {kSignatureInvalid, kNotificationStale}) {
    EXPECT_EQ(challenge(code), "WWW-Authenticate: Hongbao-Signature\r\n");
  }
}

TEST(Problem, AnEncodedBodyIsToldWhatIsTaken) {
  EXPECT_EQ(problem(Error{kUnsupportedMediaType}).headers, "Accept-Encoding: identity\r\n");
}

TEST(Problem, QuotesInADetailDoNotBreakTheBody) {
  const auto body = body_of(problem(Error{kUnknownField, "is \"not\"\n known", "a\"b\\"}));
  EXPECT_EQ(body.at("field").as_string(), "a\"b\\");
}

}  // namespace
}  // namespace hongbao

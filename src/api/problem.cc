#include "api/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json.hpp>
#include <iterator>

#include "base/check.h"

namespace hongbao {
namespace {

struct Problem {
  ErrorCode code;
  http::status status;
  std::string_view name;
  std::string_view title;
};

using enum ErrorCode;
using http::status;

constexpr Problem kProblems[] = {
    {kMalformedRequest, status::bad_request, "malformed_request", "The request is not well-formed HTTP"},
    {kMalformedJson, status::bad_request, "malformed_json", "The body is not well-formed JSON"},
    {kInvalidField, status::unprocessable_entity, "invalid_field", "A field breaks a rule"},
    {kUnknownField, status::unprocessable_entity, "unknown_field", "A field is not known to this call"},
    {kMissingHeader, status::bad_request, "missing_header", "A header is missing or broken"},
    {kBodyTooLarge, status::payload_too_large, "body_too_large", "The body is too large"},
    {kHeaderTooLarge, status::request_header_fields_too_large, "header_too_large", "The header is too large"},
    {kTargetTooLong, status::uri_too_long, "target_too_long", "The request's target is too long"},
    {kNotImplemented, status::not_implemented, "not_implemented", "No path of this server takes this"},
    {kVersionNotSupported, status::http_version_not_supported, "version_not_supported",
     "This server speaks HTTP/1.1 and 1.0"},
    {kUnsupportedMediaType, status::unsupported_media_type, "unsupported_media_type", "The body is encoded"},
    {kExpectationFailed, status::expectation_failed, "expectation_failed", "The expectation can't be met"},
    {kPreconditionFailed, status::precondition_failed, "precondition_failed", "The precondition does not hold"},
    {kRequestTimeout, status::request_timeout, "request_timeout", "The request did not arrive in time"},
    {kNoSuchPath, status::not_found, "no_such_path", "There is nothing at this path"},
    {kMethodNotAllowed, status::method_not_allowed, "method_not_allowed", "This path does not take this method"},
    {kPageTokenInvalid, status::bad_request, "page_token_invalid", "The page token is not one of this list"},
    {kTokenMissing, status::unauthorized, "unauthenticated", "A valid bearer token is needed"},
    {kUnauthenticated, status::unauthorized, "unauthenticated", "A valid bearer token is needed"},
    {kTokenExpired, status::unauthorized, "token_expired", "The bearer token has expired"},
    {kForbidden, status::forbidden, "forbidden", "This is not for you"},
    {kNotInGroup, status::forbidden, "not_in_group", "This is for the members of a group"},
    {kOpenFirst, status::forbidden, "open_first", "Amounts are shown to those who have opened"},
    {kRoleNeeded, status::forbidden, "role_needed", "The token's role does not allow this"},
    {kTicketInvalid, status::forbidden, "ticket_invalid", "The ticket is not valid"},
    {kTicketExpired, status::forbidden, "ticket_expired", "The ticket has expired"},
    {kSignatureInvalid, status::unauthorized, "signature_invalid", "The notification's signature is not valid"},
    {kNotificationStale, status::unauthorized, "notification_stale", "The notification is too old"},
    {kNotFound, status::not_found, "not_found", "There is no such thing"},
    {kNotPaid, status::conflict, "not_paid", "The packet waits for its payment"},
    {kIdempotencyKeyReused, status::unprocessable_entity, "idempotency_key_reused",
     "The idempotency key was used for another request"},
    {kPayTokenInvalid, status::unprocessable_entity, "pay_token_invalid", "The pay token is not valid"},
    {kPayTokenExpired, status::conflict, "pay_token_expired", "The order has lapsed"},
    {kAmountMismatch, status::unprocessable_entity, "amount_mismatch", "The amount is not the packet's"},
    {kPaymentIdReused, status::conflict, "payment_id_reused", "The payment id was used for another packet"},
    {kAlreadySent, status::conflict, "already_sent", "Another packet of the same idempotency key was paid"},
    {kInsufficientFunds, status::payment_required, "insufficient_funds", "The wallet is short"},
    {kAccountFrozen, status::forbidden, "account_frozen", "The account is frozen"},
    {kTransferIdReused, status::conflict, "transfer_id_reused", "The key was used for another transfer"},
    {kDepositLimit, status::conflict, "deposit_limit_reached", "The day's deposits are at their limit"},
    {kOverloaded, status::service_unavailable, "overloaded", "A limit is reached"},
    {kPacketBusy, status::too_many_requests, "packet_busy", "Too many opens of this packet are on their way"},
    {kUnavailable, status::service_unavailable, "unavailable", "This can't be served now"},
    {kDeadlineExceeded, status::service_unavailable, "deadline_exceeded", "It took too long; nothing was done"},
    {kOutcomeUnknown, status::service_unavailable, "outcome_unknown", "It may or may not have been done"},
    {kShuttingDown, status::service_unavailable, "shutting_down", "The server is stopping"},
    {kSwitchedOff, status::service_unavailable, "switched_off", "This function is switched off"},
    {kFenced, status::service_unavailable, "unavailable", "This can't be served now"},
    {kJournalUnavailable, status::service_unavailable, "journal_unavailable",
     "The journal can't be written; nothing was done"},
    {kStorage, status::service_unavailable, "storage", "The store does not answer as it should"},
    {kConfig, status::internal_server_error, "internal", "Something is wrong in the server"},
    {kInternal, status::internal_server_error, "internal", "Something is wrong in the server"},
};

constexpr std::string_view kProblemType = "application/problem+json";
constexpr std::string_view kTypeField = R"({"type":"urn:hongbao:problem:)";  // as `problem` begins

std::array<std::atomic<uint64_t>, std::size(kProblems)> problems_told{};

const Problem& lookup(ErrorCode code) {
  for (const Problem& problem : kProblems) {
    if (problem.code == code) {
      return problem;
    }
  }
  CHECK(false);
}

// RFC 6750, section 3: a token that was presented has an error code; where there was none, there is no error.
std::string challenge(ErrorCode code) {
  switch (code) {
    case kSignatureInvalid:
    case kNotificationStale:
      return "WWW-Authenticate: Hongbao-Signature\r\n";
    case kTokenMissing:
      return "WWW-Authenticate: Bearer realm=\"hongbao\"\r\n";
    default:
      return "WWW-Authenticate: Bearer realm=\"hongbao\", error=\"invalid_token\"\r\n";
  }
}

std::string extra_headers(const Problem& problem, const Error& error) {
  if (problem.code == kMethodNotAllowed) {
    return fmt::format("Allow: {}\r\n", error.field);
  }
  if (problem.code == kUnsupportedMediaType) {
    return "Accept-Encoding: identity\r\n";
  }
  if (problem.status == status::unauthorized) {
    return challenge(problem.code);
  }
  if (problem.status == status::service_unavailable || problem.status == status::too_many_requests) {
    return "Retry-After: 1\r\n";
  }
  return {};
}

}  // namespace

http::status status_of(ErrorCode code) {
  return lookup(code).status;
}

HttpResponse problem(const Error& error) {
  const Problem& known = lookup(error.code);
  boost::json::object body{{"type", fmt::format("urn:hongbao:problem:{}", known.name)},
                           {"title", known.title},
                           {"status", static_cast<unsigned>(known.status)}};
  // What an engine said is for the log, not for callers.
  const bool show_detail = known.status != status::internal_server_error && error.code != kStorage;
  const bool names_field = !error.field.empty() && error.code != kMethodNotAllowed;
  if (show_detail && names_field) {
    body["detail"] = fmt::format("{}: {}", error.field, error.detail);
    body["field"] = error.field;
    body["rule"] = error.detail;
  } else {
    body["detail"] = show_detail && !error.detail.empty() ? std::string_view(error.detail) : known.title;
  }
  if (!error.packet_id.empty()) {
    body["packet_id"] = error.packet_id;
  }
  return {.status = known.status,
          .body = boost::json::serialize(body),
          .content_type = kProblemType,
          .headers = extra_headers(known, error)};
}

std::string_view problem_name(const HttpResponse& answer) {
  const std::string_view body = answer.body;
  if (answer.content_type != kProblemType || !body.starts_with(kTypeField)) {
    return {};
  }
  return body.substr(kTypeField.size(), body.find('"', kTypeField.size()) - kTypeField.size());
}

void count_problem(const HttpResponse& answer) {
  const std::string_view name = problem_name(answer);
  for (size_t i = 0; i < std::size(kProblems); ++i) {
    if (kProblems[i].name == name) {
      problems_told[i].fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
}

std::vector<std::pair<std::string_view, uint64_t>> problem_counts() {
  std::vector<std::pair<std::string_view, uint64_t>> counts;
  for (size_t i = 0; i < std::size(kProblems); ++i) {
    const auto same = [&](const auto& count) { return count.first == kProblems[i].name; };
    if (std::ranges::none_of(counts, same)) {  // a type that several errors have is counted at the first
      counts.emplace_back(kProblems[i].name, problems_told[i].load(std::memory_order_relaxed));
    }
  }
  return counts;
}

}  // namespace hongbao

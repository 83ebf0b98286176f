// Expected failures as values. `ErrorCode` names what a caller can tell apart; the API owns the one table from code to
// HTTP status (api/problem.cc). Exceptions stop at the adapter that caught them.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <utility>

namespace hongbao {

enum class ErrorCode : uint8_t {
  // The request itself.
  kMalformedRequest,  // not HTTP as RFC 9112 has it
  kMalformedJson,     // the body is not one JSON object
  kInvalidField,      // `field` breaks the rule in `detail`
  kUnknownField,      // `field` is not one this call knows
  kMissingHeader,     // `field` names the header
  kBodyTooLarge,      //
  kHeaderTooLarge,    //
  kTargetTooLong,     //
  kRequestTimeout,    // the request did not arrive whole in time
  kNotImplemented,    // a method or a transfer coding that no path takes
  kVersionNotSupported,
  kUnsupportedMediaType,  // the body is compressed
  kExpectationFailed,     // `Expect` asks for something else than 100-continue
  kPreconditionFailed,    // `If-Match`: nothing here has an entity tag
  kNoSuchPath,            //
  kMethodNotAllowed,      //
  kPageTokenInvalid,      //
  // Who asks.
  kTokenMissing,       //
  kUnauthenticated,    // a token that breaks a rule, or was not signed by us
  kTokenExpired,       //
  kForbidden,          // the token is good, the act is not this user's
  kNotInGroup,         // the packet is of a group that the token does not name
  kOpenFirst,          // amounts of a packet that is not finished, and the user has no share of it
  kRoleNeeded,         // an admin token whose role is too weak; `detail` names the one that is needed
  kTicketInvalid,      // forged, or of another user or packet
  kTicketExpired,      //
  kSignatureInvalid,   // a payment notification that the channel did not sign
  kNotificationStale,  // signed, but outside the accepted time
  // The state of things.
  kNotFound,              //
  kNotPaid,               // the packet still waits for its payment
  kIdempotencyKeyReused,  // same key, other body
  kPayTokenInvalid,       // forged, or of another packet
  kPayTokenExpired,       //
  kAmountMismatch,        // a notification whose amount isn't the packet's
  kPaymentIdReused,       // one payment id for two packets
  kAlreadySent,           // another packet of the same idempotency key was paid; `packet_id` names it
  kInsufficientFunds,     //
  kAccountFrozen,         //
  kTransferIdReused,      // same transfer id, other content
  kDepositLimit,          // the day's deposits would pass their limit
  // Capacity and trouble. Nothing took effect, except where said.
  kOverloaded,          // a named limit was reached
  kPacketBusy,          // too many opens of one packet are on their way
  kUnavailable,         // an engine or a shard does not serve now
  kDeadlineExceeded,    // the command was dropped undecided
  kOutcomeUnknown,      // it may or may not have taken effect; asking again tells
  kShuttingDown,        //
  kSwitchedOff,         // an operator switched this function off
  kFenced,              // this process no longer owns the shard
  kJournalUnavailable,  // the admin journal could not be written in time
  kStorage,             // the engine refused or broke; `detail` has its words
  kConfig,              // bad configuration; `field` names the key
  kInternal,            //
};

struct Error {
  ErrorCode code;
  std::string detail{};  // one sentence, safe to show to the caller
  std::string field{};   // the input field, header or configuration key at fault, if one is
  std::string packet_id{};
};

template <class T>
using Result = std::expected<T, Error>;

// Called exactly once with the outcome of something asynchronous, on a thread that the callee names.
template <class T>
using Done = std::move_only_function<void(Result<T>)>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string detail = {}, std::string field = {}) {
  return std::unexpected(Error{code, std::move(detail), std::move(field)});
}

}  // namespace hongbao

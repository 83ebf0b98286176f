#include "apps/ctl/claim.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/input_file.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kSharesFileBytesMax = 64UL << 20;

// The shares of a packet, or of a file: {"shares":[{"seq":1,"amount":7,…},…]} as the API gives them.
Result<void> read_shares(const json::value& body, Claim& claim) {
  const json::object* object = body.if_object();
  const json::value* list = object != nullptr ? object->if_contains("shares") : nullptr;
  if (list == nullptr || !list->is_array()) {
    return fail(ErrorCode::kInvalidField, "must hold {\"shares\":[{\"seq\":1,\"amount\":7},…]}", "--shares");
  }
  for (const json::value& entry : list->get_array()) {
    const json::object* share = entry.if_object();
    const json::value* seq = share != nullptr ? share->if_contains("seq") : nullptr;
    const json::value* amount = share != nullptr ? share->if_contains("amount") : nullptr;
    if (seq == nullptr || amount == nullptr || !amount->is_int64() || !seq->is_int64() ||
        seq->get_int64() != static_cast<int64_t>(claim.shares.size()) + 1) {
      return fail(ErrorCode::kInvalidField, "must list seq and amount, by seq from 1", "--shares");
    }
    claim.shares.emplace_back(amount->get_int64());
  }
  return {};
}

// Anything else than 200 is an error.
Result<ServerAnswer> ask_expecting_ok(const ServerAccess& server, const std::string& target) {
  auto answer = ask_server(server, "GET", target);
  return !answer || answer->status == 200 ? answer : fail(ErrorCode::kUnavailable, json::serialize(answer->body));
}

Result<void> fetch_shares(const ServerAccess& server, const std::string& id, Claim& claim) {
  const std::string first = fmt::format("/v1/packets/{}/shares?page_size=1000", encode(id));
  std::string target = first;
  while (!target.empty()) {
    const auto answer = ask_expecting_ok(server, target);
    if (!answer) {
      return std::unexpected(answer.error());
    }
    if (auto read = read_shares(answer->body, claim); !read) {
      return read;
    }
    const json::value* next = answer->body.as_object().if_contains("next_page_token");
    target = next == nullptr ? "" : fmt::format("{}&page_token={}", first, encode(json::value_to<std::string>(*next)));
  }
  return {};
}

// A finished packet's claim, from the API.
Result<Claim> fetch_claim(const CtlOptions& options, const VerifyOptions& wanted) {
  const std::string& id = wanted.packet;
  const auto server = public_access(options, wanted.user, wanted.groups);
  if (!server) {
    return std::unexpected(server.error());
  }
  const auto answer = ask_expecting_ok(*server, "/v1/packets/" + encode(id));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  const json::object& packet = answer->body.at("packet").as_object();
  if (!packet.contains("seed")) {
    return fail(ErrorCode::kUnavailable, "the packet is not finished: its seed is not revealed yet");
  }
  const auto text = [&](const char* key) { return json::value_to<std::string>(packet.at(key)); };
  Claim claim{.packet_id = id,
              .seed_hex = text("seed"),
              .commitment_hex = text("commitment"),
              .total = Money(packet.at("total_amount").as_int64()),
              .count = packet.at("count").to_number<uint32_t>(),
              .rule = parse_rule(text("allocation")).value_or(Rule::kClassic)};
  if (auto fetched = fetch_shares(*server, id, claim); !fetched) {
    return std::unexpected(fetched.error());
  }
  return claim;
}

}  // namespace

Result<Claim> make_claim(const CtlOptions& options, VerifyOptions wanted) {
  if (!wanted.packet.empty()) {
    try {
      return fetch_claim(options, wanted);
    } catch (const std::exception&) {  // of Boost.JSON: a part is missing, or of another type
      return fail(ErrorCode::kUnavailable, "the server's answer is not a packet with shares");
    }
  }
  if (wanted.claim.packet_id.empty()) {
    return fail(ErrorCode::kInvalidField, "or --packet is needed: which packet is to be verified", "--id");
  }
  const auto rule = parse_rule(wanted.allocation);
  if (!rule) {
    return fail(ErrorCode::kInvalidField, "must be one of classic, fair, equal", "--allocation");
  }
  wanted.claim.rule = *rule;
  wanted.claim.total = Money(wanted.total);
  if (!wanted.shares_file.empty()) {
    const auto text = read_input_file(wanted.shares_file, kSharesFileBytesMax);
    if (!text) {
      return fail(ErrorCode::kInvalidField, fmt::format("{} {}", wanted.shares_file, text.error().detail), "--shares");
    }
    boost::system::error_code error;
    const json::value body = json::parse(*text, error);
    if (error) {
      return fail(ErrorCode::kInvalidField, fmt::format("{} is not JSON", wanted.shares_file), "--shares");
    }
    if (auto read = read_shares(body, wanted.claim); !read) {
      return std::unexpected(read.error());
    }
  }
  return wanted.claim;
}

}  // namespace hongbao

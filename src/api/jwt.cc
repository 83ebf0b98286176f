#include "api/jwt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

#include "api/json_input.h"
#include "base/crypto.h"

namespace hongbao {
namespace {

namespace json = boost::json;
using boost::beast::iequals;

constexpr size_t kHeaderMemory = 1'024;  // as much as headers commonly take; more of it is allocated
std::unexpected<Error> refuse(std::string rule) {
  return fail(ErrorCode::kUnauthenticated, std::move(rule), "Authorization");
}

Result<json::object> decode(std::string_view part, const char* name, json::storage_ptr memory) {
  std::array<uint8_t, kJwtLengthMax> bytes;
  const auto length = from_base64url(part, bytes);
  if (!length) {
    return refuse(fmt::format("must be a token whose {} is base64url, without padding", name));
  }
  auto object = parse_object({reinterpret_cast<const char*>(bytes.data()), *length}, std::move(memory));
  return object
             ? std::move(object)
             : refuse(fmt::format("must be a token whose {} is one JSON object: it {}", name, object.error().detail));
}

// RFC 8725, section 3.11: a token that says what it is for is for this. RFC 7515, section 4.1.9: a media type whose
// "application/" may be left out.
bool is_known_type(const json::value& type) {
  if (!type.is_string()) {
    return false;
  }
  constexpr std::string_view kPrefix = "application/";
  std::string_view name = type.get_string();
  if (iequals(name.substr(0, kPrefix.size()), kPrefix)) {
    name.remove_prefix(kPrefix.size());
  }
  return iequals(name, "JWT") || iequals(name, "at+jwt");
}

// Which keys may have signed: those of `algorithm`, or one alone.
struct Signer {
  TokenAlgorithm algorithm;
  const TokenKeySet::Key* key;  // null: any
};

std::optional<TokenAlgorithm> algorithm_of(const json::object& header) {
  const json::value* name = header.if_contains("alg");
  for (size_t i = 0; name != nullptr && name->is_string() && i < kTokenAlgorithms; ++i) {
    if (const auto algorithm = static_cast<TokenAlgorithm>(i); name->get_string() == to_text(algorithm)) {
      return algorithm;
    }
  }
  return std::nullopt;
}

// What else a header says (`jku`, `jwk`, `x5u`, …) could name a key, and ours are known.
Result<Signer> check_header(const json::object& header, const TokenKeySet& keys) {
  const auto algorithm = algorithm_of(header);
  if (!algorithm || !keys.has(*algorithm)) {
    return refuse(fmt::format("must be a token signed with {}", keys.algorithms()));
  }
  if (header.contains("crit")) {  // RFC 7515, section 4.1.11
    return refuse("must be a token without `crit`: no extension is understood");
  }
  if (const json::value* type = header.if_contains("typ"); type != nullptr && !is_known_type(*type)) {
    return refuse("must be a token whose `typ` is JWT or at+jwt");
  }
  const json::value* id = header.if_contains("kid");
  if (id == nullptr || !keys.ids_count()) {
    return Signer{*algorithm, nullptr};
  }
  const TokenKeySet::Key* key = id->is_string() ? keys.find(id->get_string()) : nullptr;
  if (key == nullptr) {
    return refuse("must be a token whose `kid`, if it has one, names a key of this system");
  }
  if (key->key.algorithm() != *algorithm) {  // RFC 8725, section 3.1: a public key is never taken for a secret
    return refuse(fmt::format("must be a token signed with {}, which the key of its `kid` is for",
                              to_text(key->key.algorithm())));
  }
  return Signer{*algorithm, key};
}

const TokenKeySet::Key* find_signer(const Signer& may, const TokenKeySet& keys, std::string_view text,
                                    Bytes signature) {
  if (may.key == nullptr) {
    return keys.signer_of(text, signature, may.algorithm);
  }
  return may.key->key.has_signed(text, signature) ? may.key : nullptr;
}

}  // namespace

Result<SignedClaims> read_jwt(std::string_view token, const TokenKeySet& keys, json::storage_ptr memory) {
  if (token.size() > kJwtLengthMax) {
    return refuse(fmt::format("is a token of {} characters: at most {} are taken", token.size(), kJwtLengthMax));
  }
  const auto dots = std::ranges::count(token, '.');
  if (dots == 4) {
    return refuse("must be a token that is signed, not encrypted");
  }
  if (dots != 2) {
    return refuse("must be a token of three parts with dots between them");
  }
  const size_t first = token.find('.');
  const size_t last = token.rfind('.');
  std::array<unsigned char, kHeaderMemory> arena;
  json::monotonic_resource header_memory(arena.data(), arena.size());
  const auto header = decode(token.substr(0, first), "header", &header_memory);
  const auto may = header ? check_header(*header, keys) : std::unexpected(header.error());
  if (!may) {
    return std::unexpected(may.error());
  }
  std::array<uint8_t, kJwtLengthMax> signature;
  const auto length = from_base64url(token.substr(last + 1), signature);
  if (!length) {
    return refuse("must be a token whose signature is base64url, without padding");
  }
  const auto* signer = find_signer(*may, keys, token.substr(0, last), Bytes(signature).first(*length));
  if (signer == nullptr) {
    return refuse("is not a token signed by this system");
  }
  auto claims = decode(token.substr(first + 1, last - first - 1), "payload", std::move(memory));
  return claims ? Result<SignedClaims>({std::move(*claims), signer->number}) : std::unexpected(claims.error());
}

std::string sign_jwt(const json::object& claims, const TokenKey& key) {
  json::object header{{"alg", to_text(key.algorithm())}, {"typ", "JWT"}};
  if (!key.id().empty()) {
    header["kid"] = key.id();
  }
  const std::string text =
      to_base64url(as_bytes(json::serialize(header))) + "." + to_base64url(as_bytes(json::serialize(claims)));
  return text + "." + to_base64url(key.sign(text));
}

}  // namespace hongbao

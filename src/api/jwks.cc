#include "api/jwks.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "api/json_input.h"
#include "base/crypto.h"
#include "base/input_file.h"

namespace hongbao {
namespace {

namespace json = boost::json;

std::unexpected<Error> broken(std::string rule) {
  return fail(ErrorCode::kConfig, std::move(rule));
}

std::optional<std::string_view> text_of(const json::object& key, std::string_view name) {
  const json::value* value = key.if_contains(name);
  return value != nullptr && value->is_string() ? std::optional<std::string_view>(value->get_string()) : std::nullopt;
}

bool is_key_id(std::optional<std::string_view> id) {
  return id && !id->empty() && id->size() <= kKeyIdLengthMax &&
         std::ranges::all_of(*id, [](char c) { return c > ' ' && c <= '~'; });
}

// A member that is absent, or this text.
bool is_at_most(const json::object& key, std::string_view name, std::string_view only) {
  return !key.contains(name) || text_of(key, name) == only;
}

Result<void> check_use(const json::object& key) {
  if (!is_at_most(key, "use", "sig")) {
    return broken("must have no `use` but sig");
  }
  const json::value* operations = key.if_contains("key_ops");
  const auto is_verify = [](const json::value& each) { return each.is_string() && each.get_string() == "verify"; };
  if (operations != nullptr && !(operations->is_array() && std::ranges::any_of(operations->get_array(), is_verify))) {
    return broken("must have verify among its `key_ops`");
  }
  return {};
}

// What every key of one algorithm has.
Result<void> check_kind(const json::object& key, TokenAlgorithm algorithm, std::string_view curve) {
  if (!is_at_most(key, "alg", to_text(algorithm))) {
    return broken(fmt::format("must have no `alg` but {}", to_text(algorithm)));
  }
  if (curve.empty()) {
    return {};
  }
  if (text_of(key, "crv") != curve) {
    return broken(fmt::format("must have the `crv` {}", curve));
  }
  if (key.contains("d")) {
    return broken("must come without its private part `d`: only who signs has that");
  }
  return {};
}

Result<std::string> coordinate(const json::object& key, const char* name) {
  static_assert(P256PublicKey::kCoordinateLength == Ed25519PublicKey::kLength);
  auto bytes = from_base64url(text_of(key, name).value_or(""));
  if (!bytes || bytes->size() != P256PublicKey::kCoordinateLength) {
    return broken(fmt::format("must have an `{}` of 32 bytes in base64url, without padding", name));
  }
  return std::move(*bytes);
}

Result<TokenKey> read_secret(std::string id, const json::object& key) {
  if (const auto checked = check_kind(key, TokenAlgorithm::kHs256, ""); !checked) {
    return std::unexpected(checked.error());
  }
  const auto secret = from_base64url(text_of(key, "k").value_or(""));
  if (!secret || secret->size() < kTokenSecretBytesMin) {
    return broken(
        fmt::format("must have a `k` of {} bytes or more in base64url, without padding", kTokenSecretBytesMin));
  }
  if (is_one_byte_repeated(as_bytes(*secret))) {
    return broken("must have a `k` that is not one byte over and over");
  }
  return TokenKey::of_secret(std::move(id), as_bytes(*secret));
}

Result<TokenKey> read_p256(std::string id, const json::object& key) {
  if (const auto checked = check_kind(key, TokenAlgorithm::kEs256, "P-256"); !checked) {
    return std::unexpected(checked.error());
  }
  const auto x = coordinate(key, "x");
  const auto y = x ? coordinate(key, "y") : x;
  if (!y) {
    return std::unexpected(y.error());
  }
  auto point = P256PublicKey::of_point(as_bytes(*x), as_bytes(*y));
  if (!point) {
    return broken("must have a point of P-256 in `x` and `y`");
  }
  return TokenKey(std::move(id), std::move(*point), as_bytes(*x + *y));
}

Result<TokenKey> read_ed25519(std::string id, const json::object& key) {
  if (const auto checked = check_kind(key, TokenAlgorithm::kEdDsa, "Ed25519"); !checked) {
    return std::unexpected(checked.error());
  }
  const auto x = coordinate(key, "x");
  if (!x) {
    return std::unexpected(x.error());
  }
  const auto point = Ed25519PublicKey::of_point(as_bytes(*x));
  if (!point) {
    return broken("must have a point of Ed25519 in `x`, and not one of a small group");
  }
  return TokenKey(std::move(id), *point, as_bytes(*x));
}

Result<TokenKey> read_key(const json::object& key, std::string id) {
  if (const auto checked = check_use(key); !checked) {
    return std::unexpected(checked.error());
  }
  const std::string_view type = text_of(key, "kty").value_or("");
  if (type == "oct") {
    return read_secret(std::move(id), key);
  }
  if (type == "EC") {
    return read_p256(std::move(id), key);
  }
  if (type == "OKP") {
    return read_ed25519(std::move(id), key);
  }
  return broken("must have a `kty` of oct, EC or OKP");
}

// A key that one list has twice would stay good when one of the two is taken out.
Result<void> check_new(const TokenKey& key, const std::vector<TokenKey>& before) {
  for (const TokenKey& other : before) {
    if (other.id() == key.id()) {
      return broken("must not have the `kid` of another key");
    }
    if (other.is_same_material(key)) {
      return broken(fmt::format("must not be the same as key \"{}\" under another name", other.id()));
    }
  }
  return {};
}

Result<void> add_key(const json::value& value, std::vector<TokenKey>& keys) {
  const std::string place = fmt::format("key {}", keys.size() + 1);
  if (!value.is_object()) {
    return broken(fmt::format("whose {} must be a JSON object", place));
  }
  const json::object& object = value.get_object();
  const auto id = text_of(object, "kid");
  if (!is_key_id(id)) {
    return broken(
        fmt::format("whose {} must have a `kid` of 1 to {} visible ASCII characters", place, kKeyIdLengthMax));
  }
  auto key = read_key(object, std::string(*id));
  const auto checked = key ? check_new(*key, keys) : std::unexpected(key.error());
  if (!checked) {
    return broken(fmt::format("whose {} (\"{}\") {}", place, *id, checked.error().detail));
  }
  keys.push_back(std::move(*key));
  return {};
}

}  // namespace

bool is_one_byte_repeated(Bytes secret) {
  return std::ranges::all_of(secret, [&](uint8_t byte) { return byte == secret.front(); });
}

Result<std::vector<TokenKey>> parse_jwks(std::string_view text) {
  const auto set = parse_object(text);
  if (!set) {
    return broken(fmt::format("which {}", set.error().detail));
  }
  const json::value* list = set->if_contains("keys");
  if (list == nullptr || !list->is_array()) {
    return broken("which must be a JSON Web Key Set: {\"keys\": […]}");
  }
  const json::array& values = list->get_array();
  if (values.empty() || values.size() > kJwksKeysMax) {
    return broken(fmt::format("which must have 1 to {} keys, not {}", kJwksKeysMax, values.size()));
  }
  std::vector<TokenKey> keys;
  for (const json::value& value : values) {
    if (const auto added = add_key(value, keys); !added) {
      return std::unexpected(added.error());
    }
  }
  return keys;
}

Result<std::vector<TokenKey>> read_jwks_file(const std::string& path) {
  const auto text = read_input_file(path, kJwksBytesMax);
  if (!text) {
    return broken(fmt::format("which {}", text.error().detail));
  }
  auto keys = parse_jwks(*text);
  if (!keys) {
    return keys;
  }
  const bool has_secrets =
      std::ranges::any_of(*keys, [](const TokenKey& key) { return key.algorithm() == TokenAlgorithm::kHs256; });
  if (const auto closed = has_secrets ? check_private_file(path) : check_steady_file(path); !closed) {
    return broken(fmt::format("which {}", closed.error().detail));
  }
  return keys;
}

}  // namespace hongbao

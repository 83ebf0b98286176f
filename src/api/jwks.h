// JSON Web Key Sets (RFC 7517): the keys that users' tokens may be signed with, as a file of the operator's. Taken are
// kty oct (HS256), EC with P-256 (ES256) and OKP with Ed25519 (EdDSA, RFC 8037). docs/HTTP.md has the list of rules.
// Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/token_keys.h"
#include "base/result.h"

namespace hongbao {

inline constexpr size_t kJwksKeysMax = 16;
inline constexpr size_t kJwksBytesMax = 64UL * 1024;
inline constexpr size_t kKeyIdLengthMax = 128;
inline constexpr size_t kTokenSecretBytesMin = 32;  // RFC 7518, section 3.2: no shorter than the hash

// In the set's order. kConfig with one line that names the key and the rule it breaks.
Result<std::vector<TokenKey>> parse_jwks(std::string_view text);

// Of a file. One with secrets must be closed to everybody else on the machine; no file may be one that everybody can
// change. kConfig, in words that follow the file's name.
Result<std::vector<TokenKey>> read_jwks_file(const std::string& path);

// All bytes are the same: a placeholder.
bool is_one_byte_repeated(Bytes secret);

}  // namespace hongbao

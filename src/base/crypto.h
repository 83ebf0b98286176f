// Thin, typed doors to libsodium: keyed hashes, sealing and text encodings. All functions are pure (randomness is an
// argument) except `random_bytes`. Any thread; `init_crypto` once before the first use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hongbao {

using Bytes = std::span<const uint8_t>;
using Key128 = std::array<uint8_t, 16>;
using Key256 = std::array<uint8_t, 32>;
using Hash128 = std::array<uint8_t, 16>;
using Hash256 = std::array<uint8_t, 32>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Starts libsodium; stops the process when the operating system has no randomness.
void init_crypto();

// Fills all of `out` from the operating system's CSPRNG.
void random_bytes(std::span<uint8_t> out);

// SipHash-2-4 (Aumasson and Bernstein, 2012), 64 and 128 bits: fast MACs for ids and tickets.
uint64_t siphash64(const Key128& key, Bytes data);
Hash128 siphash128(const Key128& key, Bytes data);

// BLAKE2b-256 (RFC 7693), plain and keyed: commitments and draws.
Hash256 blake2b(Bytes data);
Hash256 blake2b_keyed(const Key256& key, Bytes data);

// HMAC-SHA-256 (RFC 2104) with a key of any length: payment notifications.
Hash256 hmac_sha256(Bytes key, Bytes data);

// A subkey of the master secret for one purpose; `context` has 8 characters. libsodium's crypto_kdf.
Key256 derive_key(const Key256& master, uint64_t id, const char (&context)[9]);
Key128 derive_key128(const Key256& master, uint64_t id, const char (&context)[9]);

// XChaCha20-Poly1305: the result hides and authenticates `plain`. `nonce` is 24 random bytes, stored in front.
using SealNonce = std::array<uint8_t, 24>;
std::string seal(const Key256& key, const SealNonce& nonce, std::string_view plain);
// nullopt for anything that `seal` did not make with the same key.
std::optional<std::string> unseal(const Key256& key, std::string_view sealed);

// In a time that does not depend on where they differ. Lengths may differ.
bool equal_constant_time(Bytes a, Bytes b);

// Lower case; decoding takes either case, and is nullopt for anything else.
std::string to_hex(Bytes data);
std::optional<std::string> from_hex(std::string_view text);
// Base64url without padding (RFC 4648 section 5); decoding refuses any other spelling.
std::string to_base64url(Bytes data);
std::optional<std::string> from_base64url(std::string_view text);
// Into `out`, and how many bytes; nullopt as well when there is no room for them.
std::optional<size_t> from_base64url(std::string_view text, std::span<uint8_t> out);

}  // namespace hongbao

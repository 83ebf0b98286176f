#include "base/crypto.h"

#include <sodium.h>

#include <algorithm>

#include "base/check.h"

namespace hongbao {

void init_crypto() {
  CHECK(sodium_init() >= 0);
}

void random_bytes(std::span<uint8_t> out) {
  randombytes_buf(out.data(), out.size());
}

uint64_t siphash64(const Key128& key, Bytes data) {
  static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<Key128>);
  std::array<uint8_t, crypto_shorthash_BYTES> out;
  crypto_shorthash(out.data(), data.data(), data.size(), key.data());
  uint64_t value = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    value |= static_cast<uint64_t>(out[i]) << (8 * i);
  }
  return value;
}

Hash128 siphash128(const Key128& key, Bytes data) {
  Hash128 out;
  static_assert(crypto_shorthash_siphashx24_BYTES == out.size());
  crypto_shorthash_siphashx24(out.data(), data.data(), data.size(), key.data());
  return out;
}

Hash256 blake2b(Bytes data) {
  Hash256 out;
  crypto_generichash(out.data(), out.size(), data.data(), data.size(), nullptr, 0);
  return out;
}

Hash256 blake2b_keyed(const Key256& key, Bytes data) {
  Hash256 out;
  crypto_generichash(out.data(), out.size(), data.data(), data.size(), key.data(), key.size());
  return out;
}

Hash256 hmac_sha256(Bytes key, Bytes data) {
  Hash256 out;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, data.data(), data.size());
  crypto_auth_hmacsha256_final(&state, out.data());
  return out;
}

Key256 derive_key(const Key256& master, uint64_t id, const char (&context)[9]) {
  Key256 out;
  CHECK(crypto_kdf_derive_from_key(out.data(), out.size(), id, context, master.data()) == 0);
  return out;
}

Key128 derive_key128(const Key256& master, uint64_t id, const char (&context)[9]) {
  Key128 out;
  CHECK(crypto_kdf_derive_from_key(out.data(), out.size(), id, context, master.data()) == 0);
  return out;
}

std::string seal(const Key256& key, const SealNonce& nonce, std::string_view plain) {
  static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == std::tuple_size_v<SealNonce>);
  std::string out(nonce.size() + plain.size() + crypto_aead_xchacha20poly1305_ietf_ABYTES, '\0');
  std::copy(nonce.begin(), nonce.end(), out.begin());
  auto* cipher = reinterpret_cast<uint8_t*>(out.data()) + nonce.size();
  crypto_aead_xchacha20poly1305_ietf_encrypt(cipher, nullptr, as_bytes(plain).data(), plain.size(), nullptr, 0, nullptr,
                                             nonce.data(), key.data());
  return out;
}

std::optional<std::string> unseal(const Key256& key, std::string_view sealed) {
  constexpr size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  constexpr size_t kOverhead = kNonce + crypto_aead_xchacha20poly1305_ietf_ABYTES;
  if (sealed.size() < kOverhead) {
    return std::nullopt;
  }
  const Bytes bytes = as_bytes(sealed);
  std::string plain(sealed.size() - kOverhead, '\0');
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<uint8_t*>(plain.data()), nullptr,
                                                                nullptr, bytes.data() + kNonce, bytes.size() - kNonce,
                                                                nullptr, 0, bytes.data(), key.data());
  if (failed != 0) {
    return std::nullopt;
  }
  return plain;
}

bool equal_constant_time(Bytes a, Bytes b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(Bytes data) {
  std::string out(data.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), data.data(), data.size());
  out.pop_back();
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string out(text.size() / 2, '\0');
  size_t length = 0;
  const char* end = nullptr;
  const int failed = sodium_hex2bin(reinterpret_cast<uint8_t*>(out.data()), out.size(), text.data(), text.size(),
                                    nullptr, &length, &end);
  if (failed != 0 || length != out.size() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return out;
}

std::string to_base64url(Bytes data) {
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string out(sodium_base64_encoded_len(data.size(), kVariant), '\0');
  sodium_bin2base64(out.data(), out.size(), data.data(), data.size(), kVariant);
  out.pop_back();
  return out;
}

std::optional<size_t> from_base64url(std::string_view text, std::span<uint8_t> out) {
  // libsodium 1.0.18 takes any byte above 0x7f for '_'.
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    return std::nullopt;
  }
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  size_t length = 0;
  const char* end = nullptr;
  const int failed =
      sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &length, &end, kVariant);
  return failed != 0 || end != text.data() + text.size() ? std::nullopt : std::optional(length);
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out(text.size() * 3 / 4 + 1, '\0');
  const auto length = from_base64url(text, {reinterpret_cast<uint8_t*>(out.data()), out.size()});
  if (!length) {
    return std::nullopt;
  }
  out.resize(*length);
  return out;
}

}  // namespace hongbao

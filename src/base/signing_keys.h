// Keys that check signatures of others, made ready once and used often: HMAC-SHA-256, ECDSA on P-256, Ed25519. Copies
// share what was made ready. Any thread; `init_crypto` once before the first use.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>

#include "base/crypto.h"

namespace hongbao {

// HMAC-SHA-256 (RFC 2104). Its two pads are hashed when it is made, which saves two of the five or six blocks of a
// short text; OpenSSL has SHA-256 on processors that do it themselves, libsodium has not.
class HmacKey {
 public:
  explicit HmacKey(Bytes secret);

  [[nodiscard]] Hash256 sign(Bytes text) const;
  // Compares in constant time.
  [[nodiscard]] bool has_signed(Bytes text, Bytes signature) const;

 private:
  using Digest = std::shared_ptr<const EVP_MD_CTX>;
  static Digest pad(const std::array<uint8_t, 64>& key, uint8_t byte);

  Digest inner_;
  Digest outer_;
};

// ECDSA with SHA-256 on P-256 (FIPS 186-4). Signatures are r and s, 32 bytes each, as RFC 7518, section 3.4, has them.
class P256PublicKey {
 public:
  static constexpr size_t kCoordinateLength = 32;
  static constexpr size_t kSignatureLength = 64;

  // nullopt for what is no point of the curve. REQUIRES: both have kCoordinateLength bytes.
  static std::optional<P256PublicKey> of_point(Bytes x, Bytes y);

  [[nodiscard]] bool has_signed(Bytes text, Bytes signature) const;

 private:
  explicit P256PublicKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {}

  std::shared_ptr<EVP_PKEY> key_;
};

// Ed25519 (RFC 8032), with libsodium's stricter rules: canonical encodings, no points of small order.
class Ed25519PublicKey {
 public:
  static constexpr size_t kLength = 32;
  static constexpr size_t kSignatureLength = 64;

  // nullopt for what is no point of the curve's large group. REQUIRES: kLength bytes.
  static std::optional<Ed25519PublicKey> of_point(Bytes point);

  [[nodiscard]] bool has_signed(Bytes text, Bytes signature) const;

 private:
  explicit Ed25519PublicKey(Bytes point);

  std::array<uint8_t, kLength> point_{};
};

}  // namespace hongbao

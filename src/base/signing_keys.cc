#include "base/signing_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <algorithm>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr size_t kBlockLength = 64;  // of SHA-256
constexpr uint8_t kInnerPad = 0x36;
constexpr uint8_t kOuterPad = 0x5c;
constexpr size_t kDerLengthMax = 72;  // of an ECDSA-Sig-Value on P-256

template <auto free>
struct Free {
  template <class T>
  void operator()(T* made) const {
    free(made);
  }
};
template <class T, auto free>
using Owned = std::unique_ptr<T, Free<free>>;

using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using BigNumber = Owned<BIGNUM, BN_free>;

const EVP_MD* sha256() {
  static const Owned<EVP_MD, EVP_MD_free> digest(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  CHECK(digest != nullptr);
  return digest.get();
}

Hash256 finish(EVP_MD_CTX* context, Bytes rest) {
  Hash256 out;
  CHECK(EVP_DigestUpdate(context, rest.data(), rest.size()) == 1 &&
        EVP_DigestFinal_ex(context, out.data(), nullptr) == 1);
  return out;
}

// A number that r or s may be: 1 to the order of the curve's group - 1. Null for any other.
BigNumber scalar(Bytes bytes) {
  static const Owned<EC_GROUP, EC_GROUP_free> curve(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  CHECK(curve != nullptr);
  BigNumber number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  CHECK(number != nullptr);
  const bool is_good = !BN_is_zero(number.get()) && BN_cmp(number.get(), EC_GROUP_get0_order(curve.get())) < 0;
  return is_good ? std::move(number) : nullptr;
}

}  // namespace

HmacKey::Digest HmacKey::pad(const std::array<uint8_t, kBlockLength>& key, uint8_t byte) {
  std::array<uint8_t, kBlockLength> block = key;
  for (uint8_t& each : block) {
    each ^= byte;
  }
  DigestContext context(EVP_MD_CTX_new());
  CHECK(context != nullptr && EVP_DigestInit_ex2(context.get(), sha256(), nullptr) == 1 &&
        EVP_DigestUpdate(context.get(), block.data(), block.size()) == 1);
  sodium_memzero(block.data(), block.size());
  return context;
}

HmacKey::HmacKey(Bytes secret) {
  std::array<uint8_t, kBlockLength> key{};
  if (secret.size() > key.size()) {
    crypto_hash_sha256(key.data(), secret.data(), secret.size());
  } else {
    std::ranges::copy(secret, key.begin());
  }
  inner_ = pad(key, kInnerPad);
  outer_ = pad(key, kOuterPad);
  sodium_memzero(key.data(), key.size());
}

Hash256 HmacKey::sign(Bytes text) const {
  thread_local const DigestContext work(EVP_MD_CTX_new());  // so that nothing is allocated for a signature
  CHECK(work != nullptr && EVP_MD_CTX_copy_ex(work.get(), inner_.get()) == 1);
  const Hash256 inner = finish(work.get(), text);
  CHECK(EVP_MD_CTX_copy_ex(work.get(), outer_.get()) == 1);
  return finish(work.get(), inner);
}

bool HmacKey::has_signed(Bytes text, Bytes signature) const {
  return equal_constant_time(sign(text), signature);
}

std::optional<P256PublicKey> P256PublicKey::of_point(Bytes x, Bytes y) {
  CHECK(x.size() == kCoordinateLength && y.size() == kCoordinateLength);
  std::array<uint8_t, 1 + 2 * kCoordinateLength> point{POINT_CONVERSION_UNCOMPRESSED};
  std::ranges::copy(y, std::ranges::copy(x, point.begin() + 1).out);

  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  CHECK(builder != nullptr &&
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1);
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> maker(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  CHECK(parameters != nullptr && maker != nullptr && EVP_PKEY_fromdata_init(maker.get()) == 1);
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  std::shared_ptr<EVP_PKEY> key(made, EVP_PKEY_free);
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> checker(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  CHECK(checker != nullptr);
  if (EVP_PKEY_public_check(checker.get()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return P256PublicKey(std::move(key));
}

bool P256PublicKey::has_signed(Bytes text, Bytes signature) const {
  if (signature.size() != kSignatureLength) {
    return false;
  }
  BigNumber r = scalar(signature.first(kCoordinateLength));
  BigNumber s = scalar(signature.last(kCoordinateLength));
  if (r == nullptr || s == nullptr) {
    return false;
  }
  const Owned<ECDSA_SIG, ECDSA_SIG_free> pair(ECDSA_SIG_new());
  CHECK(pair != nullptr && ECDSA_SIG_set0(pair.get(), r.release(), s.release()) == 1);
  std::array<uint8_t, kDerLengthMax> der{};
  CHECK(i2d_ECDSA_SIG(pair.get(), nullptr) <= static_cast<int>(der.size()));
  uint8_t* end = der.data();
  const int length = i2d_ECDSA_SIG(pair.get(), &end);
  CHECK(length > 0);

  Hash256 hash;
  CHECK(EVP_Digest(text.data(), text.size(), hash.data(), nullptr, sha256(), nullptr) == 1);
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> verifier(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  CHECK(verifier != nullptr && EVP_PKEY_verify_init(verifier.get()) == 1);
  const int verified =
      EVP_PKEY_verify(verifier.get(), der.data(), static_cast<size_t>(length), hash.data(), hash.size());
  if (verified != 1) {
    ERR_clear_error();
  }
  return verified == 1;
}

Ed25519PublicKey::Ed25519PublicKey(Bytes point) {
  std::ranges::copy(point, point_.begin());
}

std::optional<Ed25519PublicKey> Ed25519PublicKey::of_point(Bytes point) {
  static_assert(kLength == crypto_sign_PUBLICKEYBYTES && kSignatureLength == crypto_sign_BYTES);
  CHECK(point.size() == kLength);
  return crypto_core_ed25519_is_valid_point(point.data()) == 1 ? std::optional(Ed25519PublicKey(point)) : std::nullopt;
}

bool Ed25519PublicKey::has_signed(Bytes text, Bytes signature) const {
  return signature.size() == kSignatureLength &&
         crypto_sign_verify_detached(signature.data(), text.data(), text.size(), point_.data()) == 0;
}

}  // namespace hongbao

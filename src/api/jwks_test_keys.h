// Keys with their private parts, for tests, fuzzers and benchmarks of tokens. One thread; `init_crypto` before.
#pragma once

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "api/token_keys.h"
#include "base/check.h"

namespace hongbao {

// RFC 7515, appendix A.1: the key of its example.
inline constexpr std::string_view kTestSecret =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
// A.3.
inline constexpr std::string_view kTestP256X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
inline constexpr std::string_view kTestP256Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
inline constexpr std::string_view kTestP256D = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
// RFC 8037, appendix A.1.
inline constexpr std::string_view kTestEd25519X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
inline constexpr std::string_view kTestEd25519D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

inline std::string test_oct_key(std::string_view id, std::string_view secret = kTestSecret) {
  return fmt::format(R"({{"kty":"oct","kid":"{}","k":"{}"}})", id, secret);
}
inline std::string test_p256_key(std::string_view id) {
  return fmt::format(R"({{"kty":"EC","crv":"P-256","kid":"{}","x":"{}","y":"{}"}})", id, kTestP256X, kTestP256Y);
}
inline std::string test_ed25519_key(std::string_view id) {
  return fmt::format(R"({{"kty":"OKP","crv":"Ed25519","kid":"{}","x":"{}"}})", id, kTestEd25519X);
}
// All three, as h, e and o.
inline std::string test_jwks() {
  return fmt::format(R"({{"keys":[{},{},{}]}})", test_oct_key("h"), test_p256_key("e"), test_ed25519_key("o"));
}

inline std::string test_bytes(std::string_view base64url) {
  const auto bytes = from_base64url(base64url);
  CHECK(bytes);
  return *bytes;
}

inline std::shared_ptr<EVP_PKEY> test_p256_private() {
  const std::string point = "\x04" + test_bytes(kTestP256X) + test_bytes(kTestP256Y);
  const std::string scalar = test_bytes(kTestP256D);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
      BN_bin2bn(as_bytes(scalar).data(), static_cast<int>(scalar.size()), nullptr), &BN_free);
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(OSSL_PARAM_BLD_new(),
                                                                                &OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get());
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(OSSL_PARAM_BLD_to_param(builder.get()),
                                                                           &OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> maker(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY* made = nullptr;
  CHECK(EVP_PKEY_fromdata_init(maker.get()) == 1 &&
        EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, parameters.get()) == 1);
  return {made, &EVP_PKEY_free};
}

// r and s of 32 bytes each.
inline std::string test_sign_p256(std::string_view text) {
  static const std::shared_ptr<EVP_PKEY> key = test_p256_private();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<uint8_t, 80> der{};
  size_t length = der.size();
  CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
        EVP_DigestSign(context.get(), der.data(), &length, as_bytes(text).data(), text.size()) == 1);
  const uint8_t* at = der.data();
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(length)), &ECDSA_SIG_free);
  std::string out(P256PublicKey::kSignatureLength, '\0');
  auto* raw = reinterpret_cast<uint8_t*>(out.data());
  constexpr int kHalf = P256PublicKey::kCoordinateLength;
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw, kHalf) == kHalf &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw + kHalf, kHalf) == kHalf);
  return out;
}

inline std::string test_sign_ed25519(std::string_view text) {
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> point{};
  std::array<uint8_t, crypto_sign_SECRETKEYBYTES> secret{};
  crypto_sign_seed_keypair(point.data(), secret.data(), as_bytes(test_bytes(kTestEd25519D)).data());
  CHECK(to_base64url(point) == kTestEd25519X);
  std::string out(crypto_sign_BYTES, '\0');
  crypto_sign_detached(reinterpret_cast<uint8_t*>(out.data()), nullptr, as_bytes(text).data(), text.size(),
                       secret.data());
  return out;
}

inline std::string test_signature(TokenAlgorithm algorithm, std::string_view text) {
  if (algorithm == TokenAlgorithm::kEs256) {
    return test_sign_p256(text);
  }
  if (algorithm == TokenAlgorithm::kEdDsa) {
    return test_sign_ed25519(text);
  }
  const Hash256 hash = hmac_sha256(as_bytes(test_bytes(kTestSecret)), as_bytes(text));
  return {hash.begin(), hash.end()};
}

// Signed by the key of `algorithm`, whatever the header says.
inline std::string test_token(TokenAlgorithm algorithm, std::string_view header, std::string_view claims) {
  const std::string text = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
  return text + "." + to_base64url(as_bytes(test_signature(algorithm, text)));
}

}  // namespace hongbao

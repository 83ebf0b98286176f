#include "api/jwks.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "api/jwks_test_keys.h"
#include "base/scratch_dir.h"

namespace hongbao::jwks_test {
namespace {

class JwksTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { init_crypto(); }

  // What is wrong, or "".
  static std::string error_of(std::string_view text) {
    const auto keys = parse_jwks(text);
    return keys ? "" : keys.error().detail;
  }
  // Of a set of these keys, the last of which is called "k" and is the one that is meant.
  static std::string rule(const std::string& keys) {
    const std::string error = error_of("{\"keys\":[" + keys + "]}");
    const size_t name = error.find("(\"k\") ");
    return name == std::string::npos ? error : error.substr(name + 6);
  }
  static std::string oct(std::string_view secret, std::string_view more = "") {
    return fmt::format(R"({{"kty":"oct","kid":"k","k":"{}"{}}})", secret, more);
  }
  static std::string p256(std::string_view x, std::string_view y, std::string_view more = R"(,"crv":"P-256")") {
    return fmt::format(R"({{"kty":"EC","kid":"k","x":"{}","y":"{}"{}}})", x, y, more);
  }
  static std::string ed25519(std::string_view x, std::string_view more = R"(,"crv":"Ed25519")") {
    return fmt::format(R"({{"kty":"OKP","kid":"k","x":"{}"{}}})", x, more);
  }
};

TEST_F(JwksTest, GivesTheKeysInTheirOrder) {
  const auto keys = parse_jwks(test_jwks());
  ASSERT_TRUE(keys) << keys.error().detail;
  ASSERT_EQ(keys->size(), 3U);
  EXPECT_EQ((*keys)[0].id() + (*keys)[1].id() + (*keys)[2].id(), "heo");
  for (const TokenKey& key : *keys) {
    const std::string signature = test_signature(key.algorithm(), "text");
    EXPECT_TRUE(key.has_signed("text", as_bytes(signature)));
    EXPECT_FALSE(key.has_signed("Text", as_bytes(signature)));
  }
}

TEST_F(JwksTest, ASetIsAnObjectWithOneToSixteenKeys) {
  EXPECT_EQ(error_of("[]"), "which must be a JSON object");
  EXPECT_EQ(error_of(R"({"keys":[],"keys":[]})"), "which must not name a field twice");
  for (const char* text : {"{}", R"({"keys":{}})", R"({"keys":null})", R"({"Keys":[]})"}) {
    EXPECT_EQ(error_of(text), "which must be a JSON Web Key Set: {\"keys\": […]}") << text;
  }
  std::string keys;
  EXPECT_EQ(rule(keys), "which must have 1 to 16 keys, not 0");
  for (int i = 0; i < 17; ++i) {
    keys += (i == 0 ? "" : ",") + test_oct_key(std::to_string(i), to_base64url(as_bytes(fmt::format("{:032}", i + 1))));
    EXPECT_EQ(rule(keys), i < 16 ? "" : "which must have 1 to 16 keys, not 17");
  }
  EXPECT_EQ(rule("5"), "whose key 1 must be a JSON object");
  EXPECT_EQ(error_of(fmt::format(R"({{"keys":[{}],"more":1}})", test_oct_key("a"))), "") << "RFC 7517, section 5";
}

TEST_F(JwksTest, AKeyHasANameOfItsOwn) {
  const std::string asked = "must have a `kid` of 1 to 128 visible ASCII characters";
  EXPECT_EQ(rule(R"({"kty":"oct"})"), "whose key 1 " + asked);
  for (const std::string& id :
       {std::string(), std::string("a b"), std::string("红"), std::string("a\\u0000"), std::string(129, 'a')}) {
    EXPECT_EQ(rule(test_oct_key("a") + "," + test_p256_key(id)), "whose key 2 " + asked) << id;
  }
  EXPECT_EQ(rule(R"({"kty":"oct","kid":5})"), "whose key 1 " + asked);
  EXPECT_EQ(rule(test_oct_key(std::string(128, 'a'))), "");
  EXPECT_EQ(rule(test_oct_key("k") + "," + test_p256_key("k")), "must not have the `kid` of another key");
  EXPECT_EQ(rule(test_oct_key("a") + "," + test_oct_key("k")), "must not be the same as key \"a\" under another name");
  EXPECT_EQ(rule(test_p256_key("a") + "," + test_p256_key("k")),
            "must not be the same as key \"a\" under another name");
}

TEST_F(JwksTest, ASecretIsLongAndNoPlaceholder) {
  const std::string asked = "must have a `k` of 32 bytes or more in base64url, without padding";
  EXPECT_EQ(rule(oct(to_base64url(as_bytes("0123456789012345678901234567890")))), asked);
  EXPECT_EQ(rule(oct(to_base64url(as_bytes("01234567890123456789012345678901")))), "");
  EXPECT_EQ(rule(oct("")), asked);
  EXPECT_EQ(rule(oct(std::string(kTestSecret) + "=")), asked);
  EXPECT_EQ(rule(oct("+" + std::string(kTestSecret.substr(1)))), asked);
  EXPECT_EQ(rule(R"({"kty":"oct","kid":"k"})"), asked);
  for (const char byte : {'\0', 'x', '\xff'}) {
    EXPECT_EQ(rule(oct(to_base64url(as_bytes(std::string(64, byte))))),
              "must have a `k` that is not one byte over and over");
  }
}

TEST_F(JwksTest, APointLiesOnItsCurve) {
  EXPECT_EQ(rule(p256(kTestP256X, kTestP256Y)), "");
  EXPECT_EQ(rule(p256(kTestP256Y, kTestP256X)), "must have a point of P-256 in `x` and `y`");
  const std::string zero = to_base64url(as_bytes(std::string(32, '\0')));
  EXPECT_EQ(rule(p256(zero, zero)), "must have a point of P-256 in `x` and `y`");
  EXPECT_EQ(rule(p256(kTestP256X.substr(2), kTestP256Y)), "must have an `x` of 32 bytes in base64url, without padding");
  EXPECT_EQ(rule(p256(kTestP256X, "")), "must have an `y` of 32 bytes in base64url, without padding");
  EXPECT_EQ(rule(ed25519(kTestEd25519X)), "");
  EXPECT_EQ(rule(ed25519(zero)), "must have a point of Ed25519 in `x`, and not one of a small group");
  EXPECT_EQ(rule(ed25519(std::string(kTestEd25519X) + "A")),
            "must have an `x` of 32 bytes in base64url, without padding");
}

TEST_F(JwksTest, WhatItSaysOfItselfFits) {
  for (const char* kind : {"RSA", "ec", "oct ", ""}) {
    EXPECT_EQ(rule(fmt::format(R"({{"kty":"{}","kid":"k"}})", kind)), "must have a `kty` of oct, EC or OKP") << kind;
  }
  EXPECT_EQ(rule(R"({"kid":"k"})"), "must have a `kty` of oct, EC or OKP");
  EXPECT_EQ(rule(oct(kTestSecret, R"(,"alg":"HS256","use":"sig","key_ops":["sign","verify"],"x5c":[])")), "");
  EXPECT_EQ(rule(oct(kTestSecret, R"(,"alg":"HS512")")), "must have no `alg` but HS256");
  EXPECT_EQ(rule(oct(kTestSecret, R"(,"alg":null)")), "must have no `alg` but HS256");
  EXPECT_EQ(rule(oct(kTestSecret, R"(,"use":"enc")")), "must have no `use` but sig");
  EXPECT_EQ(rule(oct(kTestSecret, R"(,"key_ops":["sign"])")), "must have verify among its `key_ops`");
  EXPECT_EQ(rule(oct(kTestSecret, R"(,"key_ops":"verify")")), "must have verify among its `key_ops`");
  EXPECT_EQ(rule(p256(kTestP256X, kTestP256Y, R"(,"crv":"P-256","alg":"HS256")")), "must have no `alg` but ES256");
  EXPECT_EQ(rule(p256(kTestP256X, kTestP256Y, R"(,"crv":"P-384")")), "must have the `crv` P-256");
  EXPECT_EQ(rule(p256(kTestP256X, kTestP256Y, "")), "must have the `crv` P-256");
  EXPECT_EQ(rule(ed25519(kTestEd25519X, R"(,"crv":"X25519")")), "must have the `crv` Ed25519");
  EXPECT_EQ(rule(ed25519(kTestEd25519X, R"(,"crv":"Ed25519","alg":"ES256")")), "must have no `alg` but EdDSA");
}

TEST_F(JwksTest, APrivatePartIsRefused) {
  const std::string told = "must come without its private part `d`: only who signs has that";
  EXPECT_EQ(rule(p256(kTestP256X, kTestP256Y, fmt::format(R"(,"crv":"P-256","d":"{}")", kTestP256D))), told);
  EXPECT_EQ(rule(ed25519(kTestEd25519X, fmt::format(R"(,"crv":"Ed25519","d":"{}")", kTestEd25519D))), told);
  EXPECT_EQ(rule(ed25519(kTestEd25519X, R"(,"crv":"Ed25519","d":null)")), told);
}

TEST_F(JwksTest, AFileIsClosedToThoseWhoMightUseIt) {
  const ScratchDir dir;
  const auto error = [&](const std::string& keys, mode_t mode) {
    const std::string path = dir.file("jwks.json");
    std::ofstream(path) << "{\"keys\":[" << keys << "]}\n";
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    const auto read = read_jwks_file(path);
    return read ? "" : read.error().detail;
  };
  EXPECT_EQ(error(test_oct_key("a"), 0640), "");
  EXPECT_EQ(error(test_oct_key("a"), 0644), "which everybody on this machine may use: chmod o= it");
  EXPECT_EQ(error(test_p256_key("a"), 0644), "");
  EXPECT_EQ(error(test_p256_key("a"), 0646), "which everybody on this machine may change: chmod o-w it");
  EXPECT_EQ(error(test_p256_key("a") + std::string(kJwksBytesMax, ' '), 0640), "which is larger than 65536 bytes");
  EXPECT_EQ(read_jwks_file(dir.file("none")).error().detail, "which does not exist");
}

}  // namespace
}  // namespace hongbao::jwks_test

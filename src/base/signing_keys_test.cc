#include "base/signing_keys.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <string>

namespace hongbao::signing_keys_test {
namespace {

std::string bytes(std::string_view hex) {
  return from_hex(hex).value();
}

class SigningKeysTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { init_crypto(); }
};

// RFC 4231, test cases 2 and 6.
TEST_F(SigningKeysTest, HmacHasTheStandardsVectors) {
  EXPECT_EQ(to_hex(HmacKey(as_bytes("Jefe")).sign(as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(HmacKey(as_bytes(std::string(131, '\xaa')))
                       .sign(as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_F(SigningKeysTest, HmacIsTheSameAsLibsodiums) {
  for (const size_t secret : {0, 1, 32, 63, 64, 65, 200}) {
    const std::string key(secret, 'k');
    const HmacKey made(as_bytes(key));
    for (const size_t length : {0, 1, 55, 56, 64, 200, 4'096}) {
      const std::string text(length, 't');
      EXPECT_EQ(made.sign(as_bytes(text)), hmac_sha256(as_bytes(key), as_bytes(text))) << secret << " " << length;
      EXPECT_TRUE(made.has_signed(as_bytes(text), hmac_sha256(as_bytes(key), as_bytes(text))));
    }
  }
  const Hash256 good = hmac_sha256(as_bytes("k"), as_bytes("t"));
  EXPECT_FALSE(HmacKey(as_bytes("k")).has_signed(as_bytes("t"), Bytes(good).first(31)));
  EXPECT_FALSE(HmacKey(as_bytes("k")).has_signed(as_bytes("t"), {}));
}

// RFC 6979, A.2.5: P-256 with SHA-256, message "sample".
const std::string kX = bytes("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
const std::string kY = bytes("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
const std::string kR = bytes("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
const std::string kS = bytes("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
const std::string kOrder = bytes("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

TEST_F(SigningKeysTest, P256HasTheStandardsVector) {
  const auto key = P256PublicKey::of_point(as_bytes(kX), as_bytes(kY));
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->has_signed(as_bytes("sample"), as_bytes(kR + kS)));
  EXPECT_FALSE(key->has_signed(as_bytes("Sample"), as_bytes(kR + kS)));
  EXPECT_FALSE(key->has_signed(as_bytes("sample"), as_bytes(kS + kR)));
  for (const size_t length : {0, 63, 65, 128}) {
    EXPECT_FALSE(key->has_signed(as_bytes("sample"), as_bytes((kR + kS + kR + kS).substr(0, length)))) << length;
  }
}

TEST_F(SigningKeysTest, P256TakesNoNumberThatIsNoneOfTheGroup) {
  const auto key = P256PublicKey::of_point(as_bytes(kX), as_bytes(kY));
  ASSERT_TRUE(key);
  for (const std::string& bad : {std::string(32, '\0'), kOrder, std::string(32, '\xff')}) {
    EXPECT_FALSE(key->has_signed(as_bytes("sample"), as_bytes(bad + kS)));
    EXPECT_FALSE(key->has_signed(as_bytes("sample"), as_bytes(kR + bad)));
    EXPECT_FALSE(key->has_signed(as_bytes("sample"), as_bytes(bad + bad)));
  }
}

TEST_F(SigningKeysTest, APointBesideP256IsNone) {
  std::string y = kY;
  y.back() = static_cast<char>(y.back() ^ 1);
  EXPECT_FALSE(P256PublicKey::of_point(as_bytes(kX), as_bytes(y)));
  EXPECT_FALSE(P256PublicKey::of_point(as_bytes(kY), as_bytes(kX)));
  EXPECT_FALSE(P256PublicKey::of_point(as_bytes(std::string(32, '\0')), as_bytes(std::string(32, '\0'))));
  EXPECT_FALSE(P256PublicKey::of_point(as_bytes(std::string(32, '\xff')), as_bytes(kY))) << "above the prime";
}

// RFC 8032, section 7.1, test 3.
TEST_F(SigningKeysTest, Ed25519HasTheStandardsVector) {
  const auto key =
      Ed25519PublicKey::of_point(as_bytes(bytes("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")));
  ASSERT_TRUE(key);
  const std::string signature = bytes(
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
      "c027beceea1ec40a");
  const std::string text = bytes("af82");
  EXPECT_TRUE(key->has_signed(as_bytes(text), as_bytes(signature)));
  EXPECT_FALSE(key->has_signed(as_bytes("a"), as_bytes(signature)));
  EXPECT_FALSE(key->has_signed(as_bytes(text), as_bytes(signature.substr(0, 63))));
  EXPECT_FALSE(key->has_signed(as_bytes(text), as_bytes(signature + "x")));
}

TEST_F(SigningKeysTest, APointBesideEd25519IsNone) {
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",     // of order 4
                            "0100000000000000000000000000000000000000000000000000000000000000",     // of order 1
                            "0200000000000000000000000000000000000000000000000000000000000000",     // none
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {  // not canonical
    EXPECT_FALSE(Ed25519PublicKey::of_point(as_bytes(bytes(point)))) << point;
  }
}

}  // namespace
}  // namespace hongbao::signing_keys_test

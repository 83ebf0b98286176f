#include "api/token_keys.h"

#include <gtest/gtest.h>
#include <jwt.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "api/auth.h"
#include "api/jwks.h"
#include "api/jwks_test_keys.h"

namespace hongbao::token_keys_test {
namespace {

using enum TokenAlgorithm;

constexpr Timestamp kNow{1'795'384'267'000};
constexpr std::string_view kClaims = R"({"sub":"alice","exp":1795384300})";
const std::string kUnsigned = "is not a token signed by this system";
const std::string kUnknownKey = "must be a token whose `kid`, if it has one, names a key of this system";

std::vector<TokenKey> keys_of(const std::string& keys) {
  return parse_jwks("{\"keys\":[" + keys + "]}").value();
}

std::string own_secret(int number) {
  return to_base64url(as_bytes(fmt::format("secret number {:020}", number)));
}

std::string header_of(std::string_view algorithm, std::string_view id) {
  return fmt::format(R"({{"alg":"{}","kid":"{}"}})", algorithm, id);
}

class TokenKeysTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { init_crypto(); }

  // The rule that it breaks, or "".
  static std::string rule(const Authenticator& authenticator, const std::string& token) {
    const auto caller = authenticator.caller_of("Bearer " + token, kNow);
    return caller ? "" : caller.error().detail;
  }
  std::string rule(const std::string& token) { return rule(authenticator_, token); }

  Authenticator authenticator_{{.jwks_file = "x", .jwks = parse_jwks(test_jwks()).value()}};
};

TEST_F(TokenKeysTest, EachAlgorithmHasItsKey) {
  const std::pair<TokenAlgorithm, const char*> all[] = {{kHs256, "h"}, {kEs256, "e"}, {kEdDsa, "o"}};
  for (const auto& [algorithm, id] : all) {
    EXPECT_EQ(rule(test_token(algorithm, header_of(to_text(algorithm), id), kClaims)), "") << id;
    EXPECT_EQ(rule(test_token(algorithm, fmt::format(R"({{"alg":"{}"}})", to_text(algorithm)), kClaims)), "")
        << "without a name all keys of the algorithm may have signed";
    EXPECT_EQ(rule(test_token(algorithm, R"({"alg":"none"})", kClaims)),
              "must be a token signed with HS256, ES256, EdDSA");
  }
}

TEST_F(TokenKeysTest, AKeyThatIsNamedIsTheOnlyOne) {
  const Authenticator two({.secrets = {"a secret of at least thirty-two bytes"},
                           .jwks_file = "x",
                           .jwks = keys_of(test_oct_key("h") + "," + test_oct_key("other", own_secret(1)))});
  EXPECT_EQ(rule(two, test_token(kHs256, header_of("HS256", "h"), kClaims)), "");
  EXPECT_EQ(rule(two, test_token(kHs256, header_of("HS256", "other"), kClaims)), kUnsigned);
  for (const char* id : {"", "H", "h ", "none", "../h"}) {
    EXPECT_EQ(rule(two, test_token(kHs256, header_of("HS256", id), kClaims)), kUnknownKey) << id;
  }
  for (const char* id : {"5", "null", R"(["h"])", R"({"h":1})"}) {
    EXPECT_EQ(rule(two, test_token(kHs256, fmt::format(R"({{"alg":"HS256","kid":{}}})", id), kClaims)), kUnknownKey);
  }
}

// RFC 8725, sections 2.1 and 3.1: what is signed with a public key as the secret, or under another algorithm's name.
TEST_F(TokenKeysTest, AnAlgorithmFitsTheKey) {
  const std::pair<TokenAlgorithm, const char*> all[] = {{kHs256, "h"}, {kEs256, "e"}, {kEdDsa, "o"}};
  for (const auto& [signs, ignored] : all) {
    for (const auto& [says, also_ignored] : all) {
      for (const auto& [named, id] : all) {
        const std::string token = test_token(signs, header_of(to_text(says), id), kClaims);
        const std::string expected = says != named ? fmt::format(
                                                         "must be a token signed with {}, which the key of its "
                                                         "`kid` is for",
                                                         to_text(named))
                                     : signs != named ? kUnsigned
                                                      : "";
        EXPECT_EQ(rule(token), expected);
      }
    }
  }
  const std::string body = to_base64url(as_bytes(R"({"alg":"HS256"})")) + "." + to_base64url(as_bytes(kClaims));
  for (const std::string& secret : {test_bytes(kTestP256X), test_bytes(kTestP256X) + test_bytes(kTestP256Y),
                                    test_bytes(kTestEd25519X), std::string(kTestEd25519X), std::string()}) {
    EXPECT_EQ(rule(body + "." + to_base64url(hmac_sha256(as_bytes(secret), as_bytes(body)))), kUnsigned);
  }
}

TEST_F(TokenKeysTest, AChangedSignatureIsRefused) {
  for (const auto& [algorithm, id] : {std::pair(kEs256, "e"), std::pair(kEdDsa, "o")}) {
    const std::string text =
        to_base64url(as_bytes(header_of(to_text(algorithm), id))) + "." + to_base64url(as_bytes(kClaims));
    const std::string good = test_signature(algorithm, text);
    for (size_t i = 0; i < good.size(); ++i) {
      std::string changed = good;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_EQ(rule(text + "." + to_base64url(as_bytes(changed))), kUnsigned) << i;
    }
    for (const std::string& other : {std::string(), good.substr(0, 63), good + "x", good + good, good.substr(0, 32)}) {
      EXPECT_EQ(rule(text + "." + to_base64url(as_bytes(other))), kUnsigned) << other.size();
    }
    EXPECT_EQ(rule(text + "." + to_base64url(as_bytes(good))), "");
  }
}

// As another library has it: libjwt with OpenSSL.
TEST_F(TokenKeysTest, ATokenOfLibjwtIsTaken) {
  constexpr std::string_view kPem =
      "-----BEGIN PRIVATE KEY-----\n"
      "MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCCOmxCecZCYv5gEh98f\n"
      "XXfpyylgbr7SJjtfV8IT34T0sg==\n"
      "-----END PRIVATE KEY-----\n";
  jwt_t* jwt = nullptr;
  ASSERT_EQ(jwt_new(&jwt), 0);
  ASSERT_EQ(jwt_set_alg(jwt, JWT_ALG_ES256, as_bytes(kPem).data(), static_cast<int>(kPem.size())), 0);
  jwt_add_header(jwt, "kid", "e");
  jwt_add_grant(jwt, "sub", "alice");
  jwt_add_grant_int(jwt, "exp", 1'795'384'300);
  char* text = jwt_encode_str(jwt);
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(rule(text), "");
  std::free(text);
  jwt_free(jwt);
}

TEST_F(TokenKeysTest, ATokenWithoutANameIsTriedWithFourKeys) {
  std::string keys;
  for (int i = 0; i < 4; ++i) {
    keys += test_oct_key(fmt::format("k{}", i), own_secret(i)) + ",";
  }
  const Authenticator many({.jwks_file = "x", .jwks = keys_of(keys + test_oct_key("h"))});
  EXPECT_EQ(rule(many, test_token(kHs256, R"({"alg":"HS256"})", kClaims)), kUnsigned) << "it is the fifth";
  EXPECT_EQ(rule(many, test_token(kHs256, header_of("HS256", "h"), kClaims)), "");
  const Authenticator few({.jwks_file = "x", .jwks = keys_of(keys.substr(keys.find("},") + 2) + test_oct_key("h"))});
  EXPECT_EQ(rule(few, test_token(kHs256, R"({"alg":"HS256"})", kClaims)), "");
}

TEST_F(TokenKeysTest, SecretsStayGoodBesideAFile) {
  const AuthOptions secret_alone{.secrets = {"a secret of at least thirty-two bytes"}};
  AuthOptions both = secret_alone;
  both.jwks_file = "x";
  both.jwks = keys_of(test_ed25519_key("o"));
  const std::string token = make_token(secret_alone, UserId::trusted("alice"), kNow, kNow + std::chrono::minutes(1));
  EXPECT_EQ(rule(Authenticator(both), token), "");
  EXPECT_EQ(rule(token), kUnsigned);
  EXPECT_EQ(make_token(both, UserId::trusted("alice"), kNow, kNow + std::chrono::minutes(1)), token);
}

TEST_F(TokenKeysTest, AKeyThatIsTakenOutTakesItsRememberedTokensAlong) {
  const std::string of_h = test_token(kHs256, header_of("HS256", "h"), kClaims);
  const std::string of_e = test_token(kEs256, R"({"alg":"ES256"})", kClaims);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(rule(of_h) + rule(of_e), "");
  }
  EXPECT_FALSE(authenticator_.change_jwks(parse_jwks(test_jwks()).value())) << "the same as before";
  EXPECT_TRUE(authenticator_.change_jwks(keys_of(test_p256_key("e") + "," + test_oct_key("new", own_secret(1)))));
  EXPECT_EQ(rule(of_h), kUnknownKey);
  EXPECT_EQ(rule(of_e), "");
  EXPECT_TRUE(authenticator_.change_jwks(keys_of(test_oct_key("h", own_secret(2)))));
  EXPECT_EQ(rule(of_h), kUnsigned) << "another key of that name";
  EXPECT_EQ(rule(of_e), "must be a token signed with HS256");
  EXPECT_TRUE(authenticator_.change_jwks(parse_jwks(test_jwks()).value()));
  EXPECT_EQ(rule(of_h) + rule(of_e), "") << "and is good again with it";
}

TEST_F(TokenKeysTest, AKeyThatStaysIsGoodWhileOthersComeAndGo) {
  constexpr int kChanges = 200;
  std::atomic<bool> done{false};
  std::vector<std::jthread> askers;
  for (int i = 0; i < 3; ++i) {
    askers.emplace_back([&, of_h = test_token(kHs256, header_of("HS256", "h"), kClaims)] {
      while (!done) {
        EXPECT_EQ(rule(of_h), "");
      }
    });
  }
  for (int i = 0; i < kChanges; ++i) {
    EXPECT_TRUE(authenticator_.change_jwks(keys_of(test_oct_key("h") + "," + test_oct_key("x", own_secret(i)))));
  }
  done = true;
}

TEST_F(TokenKeysTest, NumbersStayWithTheirKeys) {
  const TokenKeySet first(keys_of(test_oct_key("a") + "," + test_p256_key("b")), true);
  const TokenKeySet second = first.followed_by(keys_of(test_ed25519_key("c") + "," + test_p256_key("b")));
  const TokenKeySet third = second.followed_by(keys_of(test_oct_key("a") + "," + test_ed25519_key("d")));
  EXPECT_EQ(second.find("b")->number, first.find("b")->number);
  EXPECT_FALSE(second.has(first.find("a")->number));
  EXPECT_TRUE(first.has(second.find("b")->number));
  EXPECT_NE(third.find("a")->number, first.find("a")->number) << "it was away: nothing that it signed is remembered";
  EXPECT_NE(third.find("d")->number, second.find("c")->number) << "the same key under another name";
  EXPECT_NE(first.generation(), second.generation());
}

}  // namespace
}  // namespace hongbao::token_keys_test

#include "edge/auth.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <jwt.h>

#include <cstdlib>

namespace hongbao {
namespace {

constexpr Timestamp kNow{1'795'384'267'000};
constexpr int64_t kNow_s = kNow.unix_ms / 1'000;
const std::string kSecret = "a secret of at least thirty-two bytes";

std::string sign(const std::string& header, const std::string& claims, const std::string& secret = kSecret) {
  const std::string body = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
  return body + "." + to_base64url(hmac_sha256(as_bytes(secret), as_bytes(body)));
}

// Signed as HS256 with `claims` as they are.
std::string token(const std::string& claims) {
  return sign(R"({"alg":"HS256","typ":"JWT"})", claims);
}

class AuthTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { init_crypto(); }

  Result<Caller> ask(const std::string& presented, Timestamp now = kNow) {
    return authenticator_.caller_of("Bearer " + presented, now);
  }

  // "" for a user, else the error's name.
  std::string verdict(const std::string& presented, Timestamp now = kNow) {
    const auto user = ask(presented, now);
    if (user) {
      return "";
    }
    return user.error().code == ErrorCode::kTokenExpired      ? "expired"
           : user.error().code == ErrorCode::kUnauthenticated ? "unauthenticated"
                                                              : "?";
  }

  static std::string claims_with(const std::string& sub, const std::string& exp) {
    return fmt::format(R"({{"sub":{},"exp":{}}})", sub, exp);
  }

  Authenticator authenticator_{kSecret};
  const std::string later_ = std::to_string(kNow_s + 60);
};

TEST_F(AuthTest, AGoodTokenNamesItsUser) {
  const auto made = make_token(kSecret, UserId::trusted("alice@example.com"), kNow, kNow + std::chrono::minutes(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(made).value().user.text(), "alice@example.com");
  }
  EXPECT_EQ(ask(token(claims_with("\"bob\"", later_))).value().user.text(), "bob");
}

TEST_F(AuthTest, ATokenSignedWithAnotherSecretIsRefused) {
  const std::string claims = claims_with("\"alice\"", later_);
  EXPECT_EQ(verdict(sign(R"({"alg":"HS256","typ":"JWT"})", claims, "another secret")), "unauthenticated");
  EXPECT_EQ(verdict(sign(R"({"alg":"HS256","typ":"JWT"})", claims, "")), "unauthenticated");
}

TEST_F(AuthTest, AChangeOfAnyPartIsRefused) {
  const std::string good = token(claims_with("\"alice\"", later_));
  ASSERT_EQ(verdict(good), "");
  const size_t dot = good.find('.');
  const size_t last_dot = good.rfind('.');
  for (size_t i = 0; i < good.size() - 1; ++i) {  // the last character has bits that decode to nothing
    std::string forged = good;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(verdict(forged), "unauthenticated") << i;
  }
  const std::string other = token(claims_with("\"mallory\"", later_));
  EXPECT_EQ(verdict(good.substr(0, dot) + other.substr(other.find('.'), other.rfind('.') - other.find('.')) +
                    good.substr(last_dot)),
            "unauthenticated");
}

TEST_F(AuthTest, AnUnsignedTokenIsRefused) {
  const std::string claims = to_base64url(as_bytes(claims_with("\"alice\"", later_)));
  for (const char* alg : {"none", "None", "NONE", ""}) {
    const std::string header = to_base64url(as_bytes(fmt::format(R"({{"alg":"{}","typ":"JWT"}})", alg)));
    EXPECT_EQ(verdict(header + "." + claims + "."), "unauthenticated") << alg;
    EXPECT_EQ(verdict(header + "." + claims), "unauthenticated") << alg;
  }
  EXPECT_EQ(verdict(sign(R"({"alg":"none"})", claims_with("\"alice\"", later_))), "unauthenticated");
  EXPECT_EQ(verdict(sign(R"({"typ":"JWT"})", claims_with("\"alice\"", later_))), "unauthenticated");
}

TEST_F(AuthTest, AnotherAlgorithmIsRefused) {
  for (const char* alg : {"HS384", "HS512", "RS256", "ES256", "PS256"}) {
    const std::string header = fmt::format(R"({{"alg":"{}","typ":"JWT"}})", alg);
    EXPECT_EQ(verdict(sign(header, claims_with("\"alice\"", later_))), "unauthenticated") << alg;
  }
}

TEST_F(AuthTest, AGoodSignatureOfAnotherAlgorithmIsRefused) {
  for (const jwt_alg_t alg : {JWT_ALG_HS256, JWT_ALG_HS384, JWT_ALG_HS512}) {
    jwt_t* jwt = nullptr;
    ASSERT_EQ(jwt_new(&jwt), 0);
    const auto* key = reinterpret_cast<const unsigned char*>(kSecret.data());
    jwt_set_alg(jwt, alg, key, static_cast<int>(kSecret.size()));
    jwt_add_grant(jwt, "sub", "alice");
    jwt_add_grant_int(jwt, "exp", kNow_s + 60);
    char* text = jwt_encode_str(jwt);
    EXPECT_EQ(verdict(text), alg == JWT_ALG_HS256 ? "" : "unauthenticated") << jwt_alg_str(alg);
    std::free(text);
    jwt_free(jwt);
  }
}

TEST_F(AuthTest, ATokenMustSayWhenItExpires) {
  EXPECT_EQ(verdict(token(R"({"sub":"alice"})")), "unauthenticated");
  for (const char* exp : {"\"1895384267\"", "1895384267.0", "1.9e9", "null", "true", "[1895384267]", "{}"}) {
    EXPECT_EQ(verdict(token(claims_with("\"alice\"", exp))), "unauthenticated") << exp;
  }
}

TEST_F(AuthTest, AnExpiredTokenIsToldApart) {
  EXPECT_EQ(verdict(token(claims_with("\"alice\"", std::to_string(kNow_s)))), "expired");
  EXPECT_EQ(verdict(token(claims_with("\"alice\"", std::to_string(kNow_s - 1)))), "expired");
  EXPECT_EQ(verdict(token(claims_with("\"alice\"", "-1"))), "expired");
  EXPECT_EQ(verdict(token(claims_with("\"alice\"", std::to_string(kNow_s + 1)))), "");
}

TEST_F(AuthTest, ARememberedTokenExpiresAllTheSame) {
  const std::string presented = token(claims_with("\"alice\"", later_));
  EXPECT_EQ(verdict(presented), "");
  EXPECT_EQ(verdict(presented, kNow + std::chrono::seconds(59)), "");
  EXPECT_EQ(verdict(presented, kNow + std::chrono::seconds(60)), "expired");
  EXPECT_EQ(verdict(presented), "") << "and the clock may be set back";
}

TEST_F(AuthTest, ATokenIsNotGoodBeforeItsTime) {
  const auto with_nbf = [&](const std::string& nbf) {
    return token(fmt::format(R"({{"sub":"alice","exp":{},"nbf":{}}})", later_, nbf));
  };
  EXPECT_EQ(verdict(with_nbf(std::to_string(kNow_s))), "");
  const std::string early = with_nbf(std::to_string(kNow_s + 1));
  EXPECT_EQ(verdict(early), "unauthenticated");
  EXPECT_EQ(verdict(early, kNow + std::chrono::seconds(1)), "");
  EXPECT_EQ(verdict(with_nbf("\"1\"")), "unauthenticated");
  EXPECT_EQ(verdict(with_nbf("1.5")), "unauthenticated");
}

TEST_F(AuthTest, TheSubjectMustBeAUserId) {
  for (const std::string& sub :
       {std::string(R"("")"), std::string(R"("a b")"), std::string(R"("a/b")"), std::string(R"("a:b")"),
        std::string(R"("红")"), std::string(R"("a\u0000b")"), std::string(R"("a\nb")"), std::string("5"),
        std::string("null"), std::string(R"(["alice"])"), "\"" + std::string(65, 'a') + "\""}) {
    EXPECT_EQ(verdict(token(claims_with(sub, later_))), "unauthenticated") << sub;
  }
  EXPECT_EQ(verdict(token("{\"sub\":\"" + std::string(64, 'a') + "\",\"exp\":" + later_ + "}")), "");
  EXPECT_EQ(verdict(token(fmt::format(R"({{"exp":{}}})", later_))), "unauthenticated");
}

TEST_F(AuthTest, NameAndPictureAreTheProfile) {
  const auto profile = [&](const std::string& more) {
    return ask(token(fmt::format(R"({{"sub":"alice","exp":{}{}}})", later_, more))).value().profile;
  };
  EXPECT_EQ(profile(""), nullptr);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(*profile(R"(,"name":"小红","picture":"https://example.com/a.png")"),
              (Profile{"小红", "https://example.com/a.png"}));
  }
  EXPECT_EQ(profile(R"(,"name":5,"picture":["https://example.com/a.png"])"), nullptr) << "and no error";
  EXPECT_EQ(profile(R"(,"name":"\n\u202e","picture":"here")"), nullptr);
  EXPECT_EQ(*profile(R"(,"name":"a\nb\u202e","picture":"here")"), (Profile{"ab", ""}));
  EXPECT_EQ(verdict(token(fmt::format("{{\"sub\":\"alice\",\"exp\":{},\"name\":\"\xff\"}}", later_))),
            "unauthenticated")
      << "no JSON";
}

TEST_F(AuthTest, AnOverlongTokenIsRefusedUnread) {
  const std::string good =
      token(fmt::format(R"({{"sub":"alice","exp":{},"pad":"{}"}})", later_, std::string(4'096, 'x')));
  EXPECT_EQ(verdict(good), "unauthenticated");
}

TEST_F(AuthTest, OnlyTheBearerSchemeIsTaken) {
  const std::string good = token(claims_with("\"alice\"", later_));
  for (const std::string& header : {std::string(), good, "Basic " + good, "Bearer" + good, std::string("Bearer "),
                                    std::string("Bearer"), "Bearer  " + good, "Bearer " + good + " "}) {
    EXPECT_FALSE(authenticator_.caller_of(header, kNow)) << header;
  }
  EXPECT_TRUE(authenticator_.caller_of("bearer " + good, kNow));
  EXPECT_TRUE(authenticator_.caller_of("BEARER " + good, kNow));
}

TEST_F(AuthTest, NothingMayFollowTheSignature) {
  const std::string good = token(claims_with("\"alice\"", later_));
  for (const std::string& more : {std::string(1, '\0'), std::string("\0x", 2), std::string("."), std::string("=")}) {
    EXPECT_EQ(verdict(good + more), "unauthenticated");
  }
}

TEST_F(AuthTest, NonsenseIsRefused) {
  for (const char* presented : {".", "..", "...", "a.b.c", "e30.e30.e30", "\xff\xfe", "{}", "null"}) {
    EXPECT_EQ(verdict(presented), "unauthenticated") << presented;
  }
  EXPECT_EQ(verdict(token("[]")), "unauthenticated");
  EXPECT_EQ(verdict(token("not json")), "unauthenticated");
}

}  // namespace
}  // namespace hongbao

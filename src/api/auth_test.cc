#include "api/auth.h"

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
           : user.error().code == ErrorCode::kTokenMissing    ? "missing"
                                                              : "?";
  }

  // The rule that it breaks.
  std::string rule(const std::string& presented) {
    const auto user = ask(presented);
    return user ? "" : user.error().detail;
  }

  static std::string claims_with(const std::string& sub, const std::string& exp) {
    return fmt::format(R"({{"sub":{},"exp":{}}})", sub, exp);
  }

  Authenticator authenticator_{{.secrets = {kSecret}}};
  const std::string later_ = std::to_string(kNow_s + 60);
};

TEST_F(AuthTest, AGoodTokenNamesItsUser) {
  const auto made =
      make_token({.secrets = {kSecret}}, UserId::trusted("alice@example.com"), kNow, kNow + std::chrono::minutes(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(made).value().user.text(), "alice@example.com");
  }
  EXPECT_EQ(ask(token(claims_with("\"bob\"", later_))).value().user.text(), "bob");
}

TEST_F(AuthTest, ATokenForEverIsRefused) {
  const Authenticator strict(
      {.secrets = {kSecret}, .leeway = std::chrono::seconds(5), .lifetime_max = std::chrono::hours(1)});
  const auto at = [&](int64_t exp_s, Timestamp now = kNow) {
    return strict.caller_of("Bearer " + token(claims_with("\"alice\"", std::to_string(exp_s))), now);
  };
  EXPECT_TRUE(at(kNow_s + 3'605));
  const auto refused = at(kNow_s + 3'607);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(refused.error().detail, "must be a token that expires within 3600 s: `exp` is in seconds");
  EXPECT_TRUE(at(kNow_s + 3'607, kNow + std::chrono::seconds(2))) << "and is good when its time has come";
  EXPECT_FALSE(at(kNow_s * 1'000)) << "in milliseconds";
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

// RFC 7515, section 4.1.11; RFC 7797 would change what is signed.
TEST_F(AuthTest, AnExtensionThatMustBeUnderstoodIsNot) {
  const std::string claims = claims_with("\"alice\"", later_);
  for (const char* crit : {R"(["exp"])", R"(["x"])", "[]", "null", R"("x")", R"(["b64"],"b64":false)"}) {
    const std::string presented = sign(fmt::format(R"({{"alg":"HS256","crit":{}}})", crit), claims);
    EXPECT_EQ(rule(presented), "must be a token without `crit`: no extension is understood") << crit;
  }
  EXPECT_EQ(verdict(sign(R"({"alg":"HS256","b64":true,"x":1})", claims)), "") << "what need not be understood";
}

// RFC 9068, section 2.1; RFC 8725, section 3.11; RFC 7515, section 4.1.9.
TEST_F(AuthTest, ATypeThatIsNamedIsOneOfAToken) {
  const std::string claims = claims_with("\"alice\"", later_);
  const auto typed = [&](const char* typ) { return sign(fmt::format(R"({{"alg":"HS256","typ":{}}})", typ), claims); };
  for (const char* typ : {R"("JWT")", R"("jwt")", R"("at+jwt")", R"("AT+JWT")", R"("application/at+jwt")",
                          R"("application/jwt")", R"("Application/JWT")"}) {
    EXPECT_EQ(verdict(typed(typ)), "") << typ;
  }
  EXPECT_EQ(verdict(sign(R"({"alg":"HS256"})", claims)), "");
  for (const char* typ : {R"("JWE")", R"("secevent+jwt")", R"("dpop+jwt")", R"("")", R"("application/")", "5", "null",
                          R"(["JWT"])", R"("text/jwt")", R"("JWT ")"}) {
    EXPECT_EQ(rule(typed(typ)), "must be a token whose `typ` is JWT or at+jwt") << typ;
  }
}

// RFC 8725, section 3.10: what could name a key is not followed.
TEST_F(AuthTest, KeysThatATokenNamesAreIgnored) {
  const std::string claims = claims_with("\"alice\"", later_);
  const std::string header =
      R"({"alg":"HS256","kid":"../../key","jku":"http://example.com","x5u":"http://example.com","jwk":{"kty":"oct","k":"YQ"}})";
  EXPECT_EQ(verdict(sign(header, claims)), "");
  EXPECT_EQ(verdict(sign(header, claims, "a")), "unauthenticated");
}

// RFC 7515, section 4, and RFC 7519, section 4.
TEST_F(AuthTest, NothingIsNamedTwice) {
  const std::string claims = claims_with("\"alice\"", later_);
  EXPECT_EQ(rule(sign(R"({"alg":"HS256","alg":"HS256"})", claims)),
            "must be a token whose header is one JSON object: it must not name a field twice");
  EXPECT_EQ(rule(token(fmt::format(R"({{"sub":"alice","exp":{0},"exp":{0}}})", later_))),
            "must be a token whose payload is one JSON object: it must not name a field twice");
  EXPECT_EQ(verdict(token(fmt::format(R"({{"sub":"alice","exp":{},"x":{{"a":1,"a":2}}}})", later_))),
            "unauthenticated");
}

// RFC 7515, sections 2 and 7.
TEST_F(AuthTest, OnlyTheCompactFormIsTaken) {
  const std::string good = token(claims_with("\"alice\"", later_));
  const size_t dot = good.find('.');
  EXPECT_EQ(rule("a.b.c.d.e"), "must be a token that is signed, not encrypted");
  for (const std::string& parts : {std::string("a"), std::string("a.b"), std::string("a.b.c.d"),
                                   std::string("a.b.c.d.e.f"), std::string(R"({"payload":"x","signatures":[]})")}) {
    EXPECT_EQ(rule(parts), "must be a token of three parts with dots between them");
  }
  for (const std::string& broken :
       {good.substr(0, dot) + "=" + good.substr(dot), good.substr(0, dot) + "==" + good.substr(dot), "+" + good,
        "/" + good, "\n" + good, good.substr(0, 3) + " " + good.substr(3)}) {
    EXPECT_EQ(rule(broken), "must be a token whose header is base64url, without padding") << broken;
  }
  EXPECT_EQ(rule("." + good.substr(dot + 1)),
            "must be a token whose header is one JSON object: it must be UTF-8 JSON: incomplete JSON");
  for (const char* more : {"=", "==", " ", "+", "\n"}) {
    EXPECT_EQ(rule(good + more), "must be a token whose signature is base64url, without padding");
  }
}

TEST_F(AuthTest, WhatIsWrongWithASubjectIsToldTruly) {
  const auto sub = [&](const std::string& json) { return rule(token(claims_with(json, later_))); };
  EXPECT_EQ(rule(token(fmt::format(R"({{"exp":{}}})", later_))), "must be a token that names the user in `sub`");
  EXPECT_EQ(sub("5"), "must be a token whose `sub` is a string");
  EXPECT_EQ(sub("\"" + std::string(65, 'a') + "\""), "must be a token whose `sub` has at most 64 characters, not 65");
  for (const char* broken : {R"("")", R"("a b")", R"("a:b")"}) {
    EXPECT_EQ(sub(broken), "must be a token whose `sub` is one or more of A-Z a-z 0-9 . _ @ -");
  }
}

TEST_F(AuthTest, AForgerIsToldNothingElse) {
  for (const char* claims : {"{}", "not json", R"({"sub":5,"exp":"x"})", R"({"sub":"alice","exp":0})"}) {
    EXPECT_EQ(rule(sign(R"({"alg":"HS256"})", claims, "another secret")), "is not a token signed by this system");
  }
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
  for (const char* alg : {"HS384", "HS512", "RS256", "ES256", "PS256", "hs256", "HS256 ", ""}) {
    const std::string header = fmt::format(R"({{"alg":"{}","typ":"JWT"}})", alg);
    EXPECT_EQ(rule(sign(header, claims_with("\"alice\"", later_))), "must be a token signed with HS256") << alg;
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
  EXPECT_EQ(rule(token(R"({"sub":"alice"})")), "must be a token that says in `exp` when it expires");
  for (const char* exp : {"\"1895384267\"", "null", "true", "[1895384267]", "{}"}) {
    EXPECT_EQ(rule(token(claims_with("\"alice\"", exp))), "must be a token whose `exp` is a number of seconds") << exp;
  }
}

// RFC 7519, section 2: a NumericDate may have a fraction.
TEST_F(AuthTest, DatesAreNumbersOfAnyKind) {
  for (const char* exp : {"1895384267", "1895384267.0", "1.9e9", "9223372036854775807", "9223372036854775808",
                          "18446744073709551615", "1e300", "99999999999999999999999"}) {
    EXPECT_EQ(verdict(token(claims_with("\"alice\"", exp))), "") << exp;
  }
  for (const char* exp : {"0", "-0", "0.5", "-1e300", "-9223372036854775808", "-9223372036854775809", "1e-300"}) {
    EXPECT_EQ(verdict(token(claims_with("\"alice\"", exp))), "expired") << exp;
  }
  const std::string half = token(claims_with("\"alice\"", fmt::format("{}.5", kNow_s)));
  EXPECT_EQ(verdict(half), "");
  EXPECT_EQ(verdict(half, kNow + std::chrono::milliseconds(499)), "");
  EXPECT_EQ(verdict(half, kNow + std::chrono::milliseconds(500)), "expired");
  for (const char* iat : {"\"1\"", "null", "{}"}) {
    EXPECT_EQ(rule(token(fmt::format(R"({{"sub":"alice","exp":{},"iat":{}}})", later_, iat))),
              "must be a token whose `iat` is a number of seconds");
  }
  for (const char* iat : {"0", "1.5", "99999999999"}) {
    EXPECT_EQ(verdict(token(fmt::format(R"({{"sub":"alice","exp":{},"iat":{}}})", later_, iat))), "") << iat;
  }
}

TEST_F(AuthTest, ALeewayIsForClocksThatDiffer) {
  const Authenticator lenient({.secrets = {kSecret}, .leeway = std::chrono::seconds(5)});
  const auto good = [&](const std::string& presented, int64_t after_s) {
    return lenient.caller_of("Bearer " + presented, kNow + std::chrono::seconds(after_s)).has_value();
  };
  const std::string ends = token(claims_with("\"alice\"", std::to_string(kNow_s)));
  EXPECT_TRUE(good(ends, 4));
  EXPECT_FALSE(good(ends, 5));
  EXPECT_FALSE(good(ends, 6));
  const std::string begins =
      token(fmt::format(R"({{"sub":"alice","exp":{},"nbf":{}}})", kNow_s + 60, std::to_string(kNow_s)));
  EXPECT_TRUE(good(begins, -5));
  EXPECT_FALSE(good(begins, -6));
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
  EXPECT_EQ(verdict(with_nbf("1.5")), "");
  EXPECT_EQ(verdict(with_nbf("-1e300")), "");
  EXPECT_EQ(verdict(with_nbf("1e300")), "unauthenticated");
  EXPECT_EQ(verdict(with_nbf("null")), "unauthenticated");
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

TEST_F(AuthTest, GroupsAreThoseOfTheToken) {
  const auto in = [&](const std::string& groups) {
    return token(fmt::format(R"({{"sub":"alice","exp":{},"groups":{}}})", later_, groups));
  };
  EXPECT_EQ(ask(token(claims_with("\"alice\"", later_))).value().groups, nullptr);
  EXPECT_EQ(ask(in("[]")).value().groups, nullptr);
  const std::string two = in(R"(["family","a.b_c@d-9","family"])");
  const GroupsRef groups = ask(two).value().groups;
  ASSERT_NE(groups, nullptr);
  EXPECT_EQ(groups->size(), 2U);
  EXPECT_TRUE(groups->has(GroupId::trusted("family")));
  EXPECT_TRUE(groups->has(GroupId::trusted("a.b_c@d-9")));
  EXPECT_FALSE(groups->has(GroupId::trusted("Family")));
  EXPECT_EQ(ask(two).value().groups, groups) << "a remembered token is not read again";
  const AuthOptions options{.secrets = {kSecret}};
  const std::string made = make_token(options, UserId::trusted("alice"), kNow, kNow + std::chrono::minutes(1),
                                      {GroupId::trusted("x"), GroupId::trusted("y")});
  EXPECT_EQ(ask(made).value().groups->size(), 2U);
}

TEST_F(AuthTest, GroupsThatBreakARuleAreToldWhich) {
  const auto told = [&](const std::string& groups) {
    return rule(token(fmt::format(R"({{"sub":"alice","exp":{},"groups":{}}})", later_, groups)));
  };
  const auto numbered = [](size_t count) {
    std::string all = "[\"g0\"";
    for (size_t i = 1; i < count; ++i) {
      all += fmt::format(",\"g{}\"", i);
    }
    return all + "]";
  };
  const std::string long_list = "must be a token whose `groups` is an array of at most 1000 strings";
  const std::string bad_name = "must be a token whose `groups` are strings of 1 to 64 of A-Z a-z 0-9 . _ @ -";
  for (const char* no_list : {"null", "\"family\"", "5", "true", R"({"family":true})"}) {
    EXPECT_EQ(told(no_list), long_list) << no_list;
  }
  EXPECT_EQ(told(numbered(Groups::kMax)), "");
  EXPECT_EQ(told(numbered(Groups::kMax + 1)), long_list);
  for (const char* no_name :
       {R"([""])", R"(["a b"])", R"(["/family"])", R"(["family",null])", "[5]", R"([["family"]])", R"(["小家"])"}) {
    EXPECT_EQ(told(no_name), bad_name) << no_name;
  }
  EXPECT_EQ(told("[\"" + std::string(64, 'x') + "\"]"), "");
  EXPECT_EQ(told("[\"" + std::string(65, 'x') + "\"]"), bad_name);
}

TEST_F(AuthTest, ATokenMaySayWhereItsUserIsAtHome) {
  const auto in = [&](const std::string& home) {
    return token(fmt::format(R"({{"sub":"alice","exp":{},"home":{}}})", later_, home));
  };
  EXPECT_EQ(ask(token(claims_with("\"alice\"", later_))).value().home, Region::kSouth);
  EXPECT_EQ(ask(in("\"south\"")).value().home, Region::kSouth);
  for (const char* wrong : {"\"north\"", "\"South\"", "\"\"", "\"east\"", "1", "null", "[\"south\"]"}) {
    EXPECT_EQ(rule(in(wrong)), "must be a token whose `home` is the name of a region of this deployment") << wrong;
  }
  const Authenticator both({.secrets = {kSecret}, .ledgers = Ledgers(2, 1)});
  EXPECT_EQ(both.caller_of("Bearer " + in("\"north\""), kNow).value().home, Region::kNorth);
  EXPECT_EQ(both.caller_of("Bearer " + in("\"north\""), kNow).value().home, Region::kNorth) << "remembered";
  EXPECT_EQ(both.caller_of("Bearer " + token(claims_with("\"alice\"", later_)), kNow).value().home, Region::kSouth);
  const Authenticator north({.secrets = {kSecret}, .ledgers = Ledgers(0, 1)});
  EXPECT_EQ(north.caller_of("Bearer " + token(claims_with("\"alice\"", later_)), kNow).value().home, Region::kNorth);
  const std::string made = make_token({.secrets = {kSecret}}, UserId::trusted("alice"), kNow,
                                      kNow + std::chrono::minutes(1), {}, Region::kNorth);
  EXPECT_EQ(both.caller_of("Bearer " + made, kNow).value().home, Region::kNorth);
}

TEST_F(AuthTest, AnOverlongTokenIsToldItsLength) {
  const std::string long_one =
      token(fmt::format(R"({{"sub":"alice","exp":{},"pad":"{}"}})", later_, std::string(16'384, 'x')));
  EXPECT_EQ(rule(long_one), fmt::format("is a token of {} characters: at most 16384 are taken", long_one.size()));
}

TEST_F(AuthTest, OnlyTheBearerSchemeIsTaken) {
  const std::string good = token(claims_with("\"alice\"", later_));
  const auto code = [&](const std::string& header) { return authenticator_.caller_of(header, kNow).error().code; };
  for (const std::string& header : {std::string(), good, "Basic " + good, "Bearer" + good, std::string("Bearer "),
                                    std::string("Bearer"), "Bearer\t" + good, std::string("Bearer   ")}) {
    EXPECT_EQ(code(header), ErrorCode::kTokenMissing) << header;
  }
  for (const std::string& header :
       {"Bearer " + good + " ", "Bearer " + good + ", Bearer " + good, std::string("Bearer x y")}) {
    EXPECT_EQ(code(header), ErrorCode::kUnauthenticated) << header;
  }
  EXPECT_TRUE(authenticator_.caller_of("bearer " + good, kNow));
  EXPECT_TRUE(authenticator_.caller_of("BEARER " + good, kNow));
  EXPECT_TRUE(authenticator_.caller_of("Bearer   " + good, kNow));
}

TEST_F(AuthTest, AnyOfTwoSecretsMayHaveSigned) {
  const std::string claims = claims_with("\"alice\"", later_);
  const std::string old = sign(R"({"alg":"HS256"})", claims, "the secret before");
  const Authenticator both({.secrets = {kSecret, "the secret before"}});
  EXPECT_TRUE(both.caller_of("Bearer " + old, kNow));
  EXPECT_TRUE(both.caller_of("Bearer " + token(claims), kNow));
  EXPECT_FALSE(both.caller_of("Bearer " + sign(R"({"alg":"HS256"})", claims, "a third"), kNow));
  EXPECT_EQ(rule(old), "is not a token signed by this system");
  EXPECT_EQ(make_token({.secrets = {kSecret, "the secret before"}}, UserId::trusted("a"), kNow, kNow),
            make_token({.secrets = {kSecret}}, UserId::trusted("a"), kNow, kNow));
}

TEST_F(AuthTest, IssuerAndAudienceAreAskedForWhenTheyAreConfigured) {
  const Authenticator strict({.secrets = {kSecret}, .issuer = "app", .audience = "hongbao"});
  const auto good = [&](const char* more) {
    return strict.caller_of("Bearer " + token(fmt::format(R"({{"sub":"alice","exp":{}{}}})", later_, more)), kNow)
        .has_value();
  };
  EXPECT_TRUE(good(R"(,"iss":"app","aud":"hongbao")"));
  EXPECT_TRUE(good(R"(,"iss":"app","aud":["other",5,"hongbao"])"));
  for (const char* more :
       {"", R"(,"iss":"app")", R"(,"aud":"hongbao")", R"(,"iss":"App","aud":"hongbao")",
        R"(,"iss":"app","aud":"other")", R"(,"iss":"app","aud":[])", R"(,"iss":["app"],"aud":"hongbao")",
        R"(,"iss":"app","aud":{"hongbao":1})", R"(,"iss":"app","aud":[["hongbao"]])"}) {
    EXPECT_FALSE(good(more)) << more;
  }
  EXPECT_TRUE(strict.caller_of("Bearer " + make_token({.secrets = {kSecret}, .issuer = "app", .audience = "hongbao"},
                                                      UserId::trusted("a"), kNow, kNow + std::chrono::minutes(1)),
                               kNow));
  EXPECT_EQ(verdict(token(fmt::format(R"({{"sub":"alice","exp":{},"iss":"x","aud":"y"}})", later_))), "")
      << "not configured, not asked for";
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

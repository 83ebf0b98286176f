#include "net/http/router.h"

#include <gtest/gtest.h>

namespace hongbao {
namespace {

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add(http::verb::post, "/v1/packets");                              // 0
    router_.add(http::verb::get, "/v1/packets/{}");                            // 1
    router_.add(http::verb::post, "/v1/packets/{}:open");                      // 2
    router_.add(http::verb::get, "/v1/packets/{}/shares", {"size", "token"});  // 3
    router_.add(http::verb::get, "/admin/v1/switches");                        // 4
    router_.add(http::verb::put, "/admin/v1/switches");                        // 5
    router_.add(http::verb::post, "/admin/v1/wallets/{}:deposit");             // 6
  }

  // The route's index, or −1 and −2 for what the errors say.
  int find(http::verb method, std::string_view path) {
    const auto match = router_.find(method, path);
    if (match) {
      name_ = match->name;
      return static_cast<int>(match->route);
    }
    allowed_ = match.error().field;
    return match.error().code == ErrorCode::kNoSuchPath ? -1 : -2;
  }

  Router router_;
  std::string name_;
  std::string allowed_;
};

TEST_F(RouterTest, APlaceholderStandsForOneName) {
  EXPECT_EQ(find(http::verb::get, "/v1/packets/s007-x"), 1);
  EXPECT_EQ(name_, "s007-x");
  EXPECT_EQ(find(http::verb::post, "/v1/packets/abc:open"), 2);
  EXPECT_EQ(name_, "abc");
  EXPECT_EQ(find(http::verb::get, "/v1/packets/abc/shares"), 3);
  EXPECT_EQ(name_, "abc");
  EXPECT_EQ(find(http::verb::post, "/admin/v1/wallets/a.b@c-d_e:deposit"), 6);
  EXPECT_EQ(name_, "a.b@c-d_e");
}

TEST_F(RouterTest, WhatIsNoPathOfTheApiIsToldSo) {
  for (const char* path :
       {"", "/", "/v1", "/v1/packets/", "/v1/packet", "/v1/packets/a/b", "/v1/packets/:open", "/v1/packets/a:close",
        "/v1/packets/a:open/", "/v1/packets/a/shares/", "/v1/packets//shares", "/V1/packets", "/v1/packets/a:b:open"}) {
    EXPECT_EQ(find(http::verb::get, path), -1) << path;
    EXPECT_EQ(find(http::verb::post, path), -1) << path;
  }
}

TEST_F(RouterTest, AnotherMethodIsRefusedWithThoseThatAreAllowed) {
  EXPECT_EQ(find(http::verb::get, "/v1/packets"), -2);
  EXPECT_EQ(allowed_, "POST, OPTIONS");
  EXPECT_EQ(find(http::verb::delete_, "/admin/v1/switches"), -2);
  EXPECT_EQ(allowed_, "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(find(http::verb::head, "/v1/packets/a:open"), -2);
  EXPECT_EQ(allowed_, "POST, OPTIONS");
}

TEST_F(RouterTest, HeadIsTakenWhereGetIs) {
  EXPECT_EQ(find(http::verb::head, "/v1/packets/a"), 1);
  EXPECT_EQ(find(http::verb::head, "/admin/v1/switches"), 4);
  EXPECT_EQ(find(http::verb::head, "/v1"), -1);
}

TEST_F(RouterTest, TheOptionsOfAPathAndOfTheServerAreTold) {
  EXPECT_EQ(router_.allowed("/v1/packets").value(), "POST, OPTIONS");
  EXPECT_EQ(router_.allowed("/admin/v1/switches").value(), "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(router_.allowed("*").value(), "GET, HEAD, POST, PUT, OPTIONS");
  EXPECT_EQ(router_.allowed("/v1").error().code, ErrorCode::kNoSuchPath);
  EXPECT_EQ(router_.find(http::verb::get, "*").error().code, ErrorCode::kMalformedRequest);
}

TEST_F(RouterTest, AParameterThatTheRouteDoesNotHaveIsRefused) {
  const auto check = [&](std::string_view text) {
    const Target target = parse_target(text).value();
    return router_.check_parameters(router_.find(http::verb::get, target.path).value(), target);
  };
  EXPECT_TRUE(check("/v1/packets/a/shares?size=1&token=2"));
  EXPECT_TRUE(check("/v1/packets/a/shares"));
  EXPECT_TRUE(check("/v1/packets/a?"));
  EXPECT_EQ(check("/v1/packets/a/shares?Size=1").error().code, ErrorCode::kUnknownField);
  EXPECT_EQ(check("/v1/packets/a?size=1").error().field, "size");
  EXPECT_FALSE(check("/v1/packets/a?=1"));
}

TEST(ParseTarget, APathAndItsQueryAreTakenApart) {
  const auto target = parse_target("/v1/users/me/shares?page_size=10&page_token=ab%20c&flag");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/users/me/shares");
  ASSERT_EQ(target->query.size(), 3U);
  EXPECT_EQ(target->query[0], (std::pair<std::string, std::string>("page_size", "10")));
  EXPECT_EQ(target->query[1], (std::pair<std::string, std::string>("page_token", "ab c")));
  EXPECT_EQ(target->query[2], (std::pair<std::string, std::string>("flag", "")));
}

TEST(ParseTarget, EscapesAreDecoded) {
  EXPECT_EQ(parse_target("/v1/packets/a%2Eb").value().path, "/v1/packets/a.b");
  EXPECT_EQ(parse_target("/v1/packets/%E7%BA%A2").value().path, "/v1/packets/红");
  EXPECT_EQ(parse_target("/plain").value().path, "/plain");
}

// RFC 3986, section 2.2: what a proxy did not see as a delimiter is none.
TEST(ParseTarget, AnEscapedDelimiterStaysEscaped) {
  EXPECT_EQ(parse_target("/v1%2Fpackets").value().path, "/v1%2Fpackets");
  EXPECT_EQ(parse_target("/v1%2fpackets").value().path, "/v1%2fpackets");
  EXPECT_EQ(parse_target("/v1/packets/a%3Aopen").value().path, "/v1/packets/a%3Aopen");
  EXPECT_EQ(parse_target("/%252F").value().path, "/%2F");
}

TEST(ParseTarget, NothingIsNormalised) {
  for (const char* target : {"/v1/../admin", "/v1/./packets", "//v1/packets", "/v1//packets", "/v1/packets/",
                             "/v1/packets;x=1", "/v1/packets,"}) {
    EXPECT_EQ(parse_target(target).value().path, target);
    EXPECT_EQ(parse_target(target + std::string("?a=b")).value().path, target);
  }
  EXPECT_EQ(parse_target("/v1/%2e%2E/admin").value().path, "/v1/../admin");
}

TEST(ParseTarget, AnAbsoluteTargetIsItsPath) {
  for (const char* before :
       {"http://host", "HTTP://host:80", "https://[::1]:8080", "http://127.0.0.1", "http://h%2F"}) {
    const auto target = parse_target(before + std::string("/v1/packets?a=b"));
    ASSERT_TRUE(target) << before;
    EXPECT_EQ(target->path, "/v1/packets");
    EXPECT_EQ(target->query.size(), 1U);
  }
  EXPECT_EQ(parse_target("http://host").value().path, "/");
  EXPECT_EQ(parse_target("http://host?a=b").value().path, "/");
  EXPECT_EQ(parse_target("http://host//v1").value().path, "//v1");
  for (const char* target : {"http:///v1", "http:/v1", "http:v1", "ftp://host/v1", "http://user@host/v1",
                             "http://user:x@host/v1", "http://host/v1#f", "http://ho st/", "http://[::1/v1",
                             "http://host:x/v1", "host:80", "host", "v1/packets", "?a=b", "", "**", "://host/"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
}

TEST(ParseTarget, AnEmptyParameterIsNone) {
  for (const char* target : {"/a?", "/a?&", "/a?&&", "/a?b=1&", "/a?&b=1"}) {
    const auto parsed = parse_target(target);
    ASSERT_TRUE(parsed) << target;
    EXPECT_LE(parsed->query.size(), 1U) << target;
  }
  EXPECT_EQ(parse_target("/a?=1").value().query.size(), 1U);
}

TEST(ParseTarget, WhatIsNoEscapeIsRefused) {
  for (const char* target : {"/a%", "/a%2", "/a%zz", "/a?b=%", "/a?b=%g0", "/a#b", "/a?b#c"}) {
    const auto parsed = parse_target(target);
    ASSERT_FALSE(parsed) << target;
    EXPECT_EQ(parsed.error().code, ErrorCode::kMalformedRequest) << target;
  }
}

TEST(ParseTarget, BytesThatMustBeEscapedAreRefused) {
  for (const char* target :
       {"/a\xff", "/红", "/a\x7f", "/a\tb", "/a?\xff=1", "/a\\b", "/a<b", "/a\"", "/a^b", "/a|b", "/{}"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
}

TEST(ParseTarget, AParameterNamedTwiceIsRefused) {
  for (const char* target : {"/a?b=1&b=2", "/a?b=1&b=1", "/a?b&b", "/a?b=1&c=2&%62=3"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
  EXPECT_TRUE(parse_target("/a?b=1&B=2&bb=3"));
}

TEST(ParseTarget, EscapesThatAreNoUtf8AreRefused) {
  for (const char* bytes : {"%ff", "%c3", "%80", "%c0%80", "%e0%80%80", "%ed%a0%80", "%f4%90%80%80", "%f8%80%80%80",
                            "%e7%ba", "%e7%20%20"}) {
    EXPECT_FALSE(parse_target(std::string("/") + bytes)) << bytes;
    EXPECT_FALSE(parse_target(std::string("/a?") + bytes + "=1")) << bytes;
    EXPECT_FALSE(parse_target(std::string("/a?b=") + bytes)) << bytes;
  }
  for (const char* bytes : {"%00", "%7f", "%c2%80", "%e0%a0%80", "%ed%9f%bf", "%ee%80%80", "%f4%8f%bf%bf"}) {
    EXPECT_TRUE(parse_target(std::string("/") + bytes)) << bytes;
  }
}

}  // namespace
}  // namespace hongbao

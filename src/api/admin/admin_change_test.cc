#include "api/admin/admin_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http/parser.h"

namespace hongbao::admin_change_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

AdminChange change_of(const std::string& body, const std::string& headers = "",
                      const std::string& path = "/admin/v1/wallets/alice:deposit") {
  HttpRequest request;
  HttpRequestParser parser(request, 8'192, 16'384);
  const std::string text = "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\n" + headers + "\r\n" + body;
  for (std::string_view left = text; !parser.is_done();) {
    left.remove_prefix(parser.put(left).value());
  }
  request.set_peer("192.0.2.1");
  return admin_change({"ann", AdminRole::kOperator}, request, parse_target(request.target()).value());
}

TEST(AdminChange, SaysWhoFromWhereAndWhat) {
  const AdminChange change = change_of("{ \"amount\" : 500 }", "Idempotency-Key: k1\r\n");
  EXPECT_EQ(change.token, "ann");
  EXPECT_EQ(change.from, "192.0.2.1");
  EXPECT_EQ(change.call, "POST /admin/v1/wallets/alice:deposit");
  EXPECT_EQ(change.content, R"(key k1 {"amount":500})");
  EXPECT_EQ(change_of("").content, "");
}

TEST(AdminChange, WhatIsNoObjectIsToldByItsHash) {
  EXPECT_THAT(change_of("[1,2]").content, StartsWith("5 bytes that are no object, "));
  EXPECT_THAT(change_of(std::string(10'000, 'x')).content, StartsWith("10000 bytes that are no object, "));
}

TEST(AdminChange, IsBoundedAndStillTellsOneLongBodyFromAnother) {
  const auto with = [](const std::string& text) { return change_of("{\"directory\":\"" + text + "\"}").content; };
  std::string umlauts;
  for (int i = 0; i < 1'000; ++i) {
    umlauts += "ä";
  }
  const std::string first = with(std::string(4'000, 'a') + "1");
  EXPECT_LE(first.size(), AdminChange::kContentBytesMax);
  EXPECT_THAT(first, HasSubstr("…"));
  EXPECT_NE(first, with(std::string(4'000, 'a') + "2"));
  EXPECT_LE(with(umlauts).size(), AdminChange::kContentBytesMax);
  EXPECT_THAT(with(umlauts), HasSubstr("ä…"));
  EXPECT_LE(change_of("", "", "/admin/v1/wallets/" + std::string(3'000, 'a') + ":freeze").call.size(),
            AdminChange::kCallBytesMax);
}

}  // namespace
}  // namespace hongbao::admin_change_test

#include "apps/load/request_text.h"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>

namespace hongbao::load {
namespace {

namespace http = boost::beast::http;

const std::string kHead = request_head("127.0.0.1:8080", "Authorization: Bearer a.b.c\r\n");

// What a server reads; fails the test when bytes are missing or left over.
http::request<http::string_body> parsed(const std::string& text) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  boost::beast::error_code error;
  const size_t used = parser.put(boost::asio::buffer(text), error);
  EXPECT_FALSE(error) << error.message() << "\n" << text;
  EXPECT_TRUE(parser.is_done()) << text;
  EXPECT_EQ(used, text.size()) << text;
  return parser.release();
}

TEST(RequestText, SendCarriesTheOrderAndItsIdempotencyKey) {
  RunRecord run;
  run.run = "nabc";
  PacketRecord packet;
  packet.total = Money(100);
  packet.count = 3;
  packet.rule = Rule::kFair;
  for (uint64_t number = 0; number < 10; ++number) {
    std::string text;
    write_send(text, kHead, run, packet, number);
    const auto request = parsed(text);
    EXPECT_EQ(request["Idempotency-Key"], "nabc-" + std::to_string(number));
    EXPECT_EQ(request[http::field::authorization], "Bearer a.b.c");
    const auto body = boost::json::parse(request.body()).as_object();
    EXPECT_EQ(body.at("kind"), "lucky");
    EXPECT_EQ(body.at("allocation"), "fair");
    EXPECT_EQ(body.at("total_amount"), 100);
    EXPECT_FALSE(body.contains("recipient_id"));
  }
}

TEST(RequestText, AnExclusivePacketNamesItsRecipientAndNoAllocation) {
  RunRecord run;
  run.run = "nabc";
  PacketRecord packet;
  packet.kind = PacketKind::kExclusive;
  packet.rule = Rule::kEqual;
  packet.recipient = 7;
  std::string text;
  write_send(text, kHead, run, packet, 1);
  const auto body = boost::json::parse(parsed(text).body()).as_object();
  EXPECT_EQ(body.at("recipient_id"), "nabc-7");
  EXPECT_FALSE(body.contains("allocation"));
}

TEST(RequestText, TheOthersNameThePacketAndAreWholeRequests) {
  std::string text;
  write_pay(text, kHead, "s001-x", "token");
  EXPECT_EQ(parsed(text).target(), "/v1/packets/s001-x:pay");
  EXPECT_EQ(parsed(text).body(), R"({"pay_token":"token"})");
  text.clear();
  write_open(text, kHead, "s001-x", "ticket-1");
  EXPECT_EQ(parsed(text).target(), "/v1/packets/s001-x:open");
  EXPECT_EQ(parsed(text).body(), R"({"ticket":"ticket-1"})");
  text.clear();
  write_grab(text, kHead, "s001-x");
  EXPECT_EQ(parsed(text).target(), "/v1/packets/s001-x:grab");
  text.clear();
  write_view(text, kHead, "s001-x");
  EXPECT_EQ(parsed(text).method(), http::verb::get);
  text.clear();
  write_view_shares(text, kHead, "s001-x");
  EXPECT_EQ(parsed(text).target(), "/v1/packets/s001-x/shares?page_size=20");
}

}  // namespace
}  // namespace hongbao::load

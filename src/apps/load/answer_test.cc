#include "apps/load/answer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "apps/http_address.h"
#include "apps/load/tokens.h"

namespace hongbao::load {
namespace {

// Feeds `text` to the parser in pieces of `step` bytes; returns whether it is done.
bool parse(std::string_view text, size_t step, Answer& answer) {
  AnswerParser parser(answer);
  std::string buffer;
  for (size_t i = 0; i < text.size(); i += step) {
    buffer += text.substr(i, step);
    boost::beast::error_code error;
    const size_t used = parser.put(boost::asio::buffer(buffer), error);
    buffer.erase(0, used);
    if (error && error != boost::beast::http::error::need_more) {
      return false;
    }
  }
  return parser.is_done();
}

TEST(AnswerParser, ReadsStatusRetryAfterAndBodyInPiecesOfAnySize) {
  const std::string_view text = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nContent-Length: 5\r\n\r\nhello";
  for (size_t step = 1; step <= text.size(); ++step) {
    Answer answer;
    ASSERT_TRUE(parse(text, step, answer)) << step;
    EXPECT_EQ(answer.status, 503U);
    EXPECT_EQ(answer.retry_after_s, 2U);
    EXPECT_EQ(answer.body, "hello");
  }
}

TEST(AnswerParser, ReadsChunkedBodies) {
  Answer answer;
  ASSERT_TRUE(
      parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 7, answer));
  EXPECT_EQ(answer.body, "abcde");
}

TEST(AnswerParser, RefusesWhatIsNotHttp) {
  Answer answer;
  EXPECT_FALSE(parse("SSH-2.0-OpenSSH_9.2\r\n\r\n", 100, answer));
}

TEST(JsonReader, ReadsOneObjectAfterAnother) {
  JsonReader reader;
  for (int i = 0; i < 100; ++i) {
    const auto* object = reader.read(R"({"outcome":"opened","share":{"amount":7},"big":18446744073709551615})");
    ASSERT_NE(object, nullptr);
    EXPECT_EQ(text_of(*object, "outcome"), "opened");
    EXPECT_EQ(integer_of(*object_of(*object, "share"), "amount"), 7);
    EXPECT_EQ(reader.read("{\"a\":"), nullptr);
    EXPECT_EQ(reader.read("[1]"), nullptr);
    EXPECT_EQ(reader.read(""), nullptr);
  }
}

TEST(HttpAddress, TakesOnlyPlainHttpWithoutAPath) {
  EXPECT_EQ(parse_http_url("http://127.0.0.1:8080")->authority(), "127.0.0.1:8080");
  EXPECT_EQ(parse_http_url("http://[::1]:81/")->authority(), "[::1]:81");
  EXPECT_EQ(parse_http_url("http://localhost")->port, 80);
  for (const char* url : {"", "localhost:80", "https://localhost", "http://", "http://h:0", "http://h:080",
                          "http://h:", "http://h:65536", "http://user@h", "http://h/path", "http://h?x"}) {
    EXPECT_FALSE(parse_http_url(url)) << url;
  }
}

TEST(Token, HasThreePartsAndIsTheSameForTheSameInput) {
  const auto token = sign_token("a secret of 32 characters or so!", "u-1", Timestamp{1'800'000'000'000});
  ASSERT_TRUE(token);
  EXPECT_EQ(std::count(token->begin(), token->end(), '.'), 2);
  EXPECT_EQ(*token, *sign_token("a secret of 32 characters or so!", "u-1", Timestamp{1'800'000'000'000}));
}

}  // namespace
}  // namespace hongbao::load

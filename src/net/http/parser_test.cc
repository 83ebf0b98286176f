#include "net/http/parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hongbao {
namespace {

constexpr size_t kHeaderMax = 1'024;
constexpr uint64_t kBodyMax = 256;

struct Read {
  std::optional<ErrorCode> error;
  std::string field;
  size_t left = 0;  // bytes that were not taken
  bool done = false;
  bool keep_alive = false;
};

class HttpParserTest : public testing::Test {
 protected:
  // In pieces of so many bytes.
  Read read(std::string_view text, size_t piece = SIZE_MAX) {
    HttpRequestParser parser(request_, kHeaderMax, kBodyMax);
    size_t begin = 0;
    for (size_t end = 0; end < text.size() && !parser.is_done();) {
      end += std::min(piece, text.size() - end);
      const auto taken = parser.put(text.substr(begin, end - begin));
      if (!taken) {
        return {.error = taken.error().code, .field = taken.error().field};
      }
      begin += *taken;
    }
    return {
        .left = text.size() - begin, .done = parser.is_done(), .keep_alive = parser.is_done() && parser.keep_alive()};
  }

  void expect_refused(std::string_view text, ErrorCode code) {
    for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{7}}) {
      const auto result = read(text, piece);
      EXPECT_EQ(result.error, code) << text;
    }
  }

  // Of a GET with these header lines.
  static std::string get(std::string_view headers, std::string_view version = "HTTP/1.1") {
    return fmt::format("GET /a {}\r\nHost: x\r\n{}\r\n", version, headers);
  }
  static std::string post(std::string_view headers, std::string_view body) {
    return fmt::format("POST /a HTTP/1.1\r\nHost: x\r\n{}\r\n{}", headers, body);
  }
  static std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

  HttpRequest request_;
};

TEST_F(HttpParserTest, TakesARequestApartHoweverItArrives) {
  const std::string text = post("X-Own:\t a b \t\r\nContent-Length: 5\r\nEmpty:\r\n", "hello");
  for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{2}, size_t{13}}) {
    const auto result = read(text, piece);
    EXPECT_TRUE(result.done && result.keep_alive && result.left == 0);
    EXPECT_EQ(request_.method(), http::verb::post);
    EXPECT_EQ(request_.target(), "/a");
    EXPECT_EQ(request_.version(), 11);
    EXPECT_EQ(request_.header(http::field::host), "x");
    EXPECT_EQ(request_.find_header("x-own"), "a b");
    EXPECT_EQ(request_.find_header("empty"), "");
    EXPECT_EQ(request_.find_header("absent"), std::nullopt);
    EXPECT_EQ(request_.body(), "hello");
  }
}

TEST_F(HttpParserTest, LeavesTheNextRequest) {
  EXPECT_EQ(read(get("") + "GET").left, 3U);
  EXPECT_EQ(read(post("Content-Length: 2\r\n", "abGET")).left, 3U);
  EXPECT_EQ(read(chunked("1\r\na\r\n0\r\n\r\nGET")).left, 3U);
}

TEST_F(HttpParserTest, IgnoresEmptyLinesBeforeTheRequest) {
  for (const size_t piece : {SIZE_MAX, size_t{1}}) {
    EXPECT_TRUE(read("\r\n" + get(""), piece).done);
    EXPECT_TRUE(read("\r\n\r\n\r\n" + get(""), piece).done);
  }
  expect_refused("\n" + get(""), ErrorCode::kMalformedRequest);
  expect_refused(" \r\n" + get(""), ErrorCode::kMalformedRequest);
}

TEST_F(HttpParserTest, TheRequestLineHasThreeParts) {
  for (const char* line : {"hello",
                           "GET",
                           "GET /",
                           "GET / ",
                           " GET / HTTP/1.1",
                           "GET  / HTTP/1.1",
                           "GET /  HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           "GET /a b HTTP/1.1",
                           "GET\t/ HTTP/1.1",
                           "G(T / HTTP/1.1",
                           "/ HTTP/1.1",
                           "GET /\xe7\xba\xa2 HTTP/1.1",
                           "GET /\x01 HTTP/1.1",
                           "GET / http/1.1",
                           "GET / HTTP/1",
                           "GET / HTTP/1.10",
                           "GET / HTTP/x.1",
                           "GET / HTTPS/1.1",
                           "GET / 1.1"}) {
    expect_refused(fmt::format("{}\r\nHost: x\r\n\r\n", line), ErrorCode::kMalformedRequest);
  }
}

TEST_F(HttpParserTest, ABrokenRequestLineIsRefusedBeforeTheRest) {
  for (const std::string_view start : {"GET /\r\n", "\x16\x03\x01", "GET / HTTP/1.1\rX"}) {
    EXPECT_EQ(read(start).error, ErrorCode::kMalformedRequest) << start;
  }
  using namespace std::literals;
  EXPECT_EQ(read("GET /\0 HTTP/1.1\r\n"sv).error, ErrorCode::kMalformedRequest);
}

TEST_F(HttpParserTest, VersionsAreReadByTheirMajorNumber) {
  for (const char* version : {"HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"}) {
    expect_refused(get("", version), ErrorCode::kVersionNotSupported);
  }
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrorCode::kVersionNotSupported);
  for (const size_t piece : {SIZE_MAX, size_t{1}}) {
    EXPECT_TRUE(read(get("", "HTTP/1.2"), piece).keep_alive);
    EXPECT_EQ(request_.version(), 11);
  }
  EXPECT_TRUE(read(get("", "HTTP/1.0")).done);
  EXPECT_EQ(request_.version(), 10);
}

TEST_F(HttpParserTest, MethodsThatNothingTakesAreRefused) {
  for (const char* method : {"FOO", "get", "Get", "CONNECT"}) {
    expect_refused(fmt::format("{} /a HTTP/1.1\r\nHost: x\r\n\r\n", method), ErrorCode::kNotImplemented);
  }
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"}) {
    EXPECT_TRUE(read(fmt::format("{} /a HTTP/1.1\r\nHost: x\r\n\r\n", method)).done) << method;
  }
}

TEST_F(HttpParserTest, HeaderLinesAreStrict) {
  for (const char* line :
       {"No colon", ": no name", "Name : x", "Na me: x", "Name\t: x", " Folded: x", "\tFolded: x", "N\xc3\xa4me: x",
        "X: a\nY: b", "X: a\rY: b", "X: a\x01", "X: \x7f", "X: a\r\r\nY: b", "(x): y", "X@: y"}) {
    expect_refused(get(fmt::format("{}\r\n", line)), ErrorCode::kMalformedRequest);
  }
  using namespace std::literals;
  expect_refused(get("X: a\0b\r\n"sv), ErrorCode::kMalformedRequest);
  expect_refused("GET / HTTP/1.1\r\n Host: x\r\n\r\n", ErrorCode::kMalformedRequest);
  EXPECT_TRUE(read(get("X: a\r\n \tfolded\r\n")).done);
  EXPECT_EQ(request_.find_header("X"), "a folded") << "RFC 9112, section 5.2";
  EXPECT_TRUE(read(get("X: a\tb\r\nY: \xc3\xa4\r\n!#$%&'*+-.^_`|~9: z\r\n")).done);
}

TEST_F(HttpParserTest, AHostIsNamedOnce) {
  expect_refused("GET / HTTP/1.1\r\n\r\n", ErrorCode::kMalformedRequest);
  EXPECT_EQ(read("GET / HTTP/1.1\r\n\r\n").field, "Host");
  EXPECT_TRUE(read("GET / HTTP/1.0\r\n\r\n").done);
  for (const char* version : {"HTTP/1.1", "HTTP/1.0"}) {
    expect_refused(get("Host: x\r\n", version), ErrorCode::kMalformedRequest);
    for (const char* host : {"a b", "a, b", "user@a", "a/b", "a:x", "[::1", "http://a", "a?", "a#", "\"a\"", "a:1:2"}) {
      expect_refused(fmt::format("GET / {}\r\nHost: {}\r\n\r\n", version, host), ErrorCode::kMalformedRequest);
    }
  }
  for (const char* host : {"", "x", "x:80", "x:", "127.0.0.1:8080", "[::1]:80", "a.b-c_d", "x%20y"}) {
    EXPECT_TRUE(read(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host)).done) << host;
  }
}

TEST_F(HttpParserTest, WhatCanBeMeantOnceIsThereOnce) {
  for (const char* name : {"Authorization", "Content-Type", "Idempotency-Key", "Hongbao-Signature"}) {
    EXPECT_TRUE(read(get(fmt::format("{}: a\r\n", name))).done);
    const auto twice = get(fmt::format("{}: a\r\n{}: a\r\n", name, name));
    expect_refused(twice, ErrorCode::kMalformedRequest);
    EXPECT_EQ(read(twice).field, name);
  }
  expect_refused(get("authorization: a\r\nX: y\r\nAUTHORIZATION: b\r\n"), ErrorCode::kMalformedRequest);
  expect_refused(get("idempotency-key: a\r\nX: y\r\nIdempotency-KEY: b\r\n"), ErrorCode::kMalformedRequest);
  EXPECT_TRUE(read(get("Accept: a\r\nAccept: b\r\nX: a\r\nX: b\r\n")).done);
}

TEST_F(HttpParserTest, ALengthIsOneDecimalNumber) {
  for (const char* length : {"", "-1", "+1", "1x", "0x1", "1 1", "1,1", "5, 5", "1.0", "\xd9\xa1"}) {
    expect_refused(post(fmt::format("Content-Length: {}\r\n", length), "x"), ErrorCode::kMalformedRequest);
  }
  expect_refused(post("Content-Length: 1\r\nContent-Length: 1\r\n", "x"), ErrorCode::kMalformedRequest);
  expect_refused(post("Content-Length: 1\r\nContent-Length: 2\r\n", "x"), ErrorCode::kMalformedRequest);
  for (const char* length : {"257", "18446744073709551615"}) {
    expect_refused(post(fmt::format("Content-Length: {}\r\n", length), ""), ErrorCode::kBodyTooLarge);
  }
  for (const char* length : {"18446744073709551616", "18446744073709551617", "99999999999999999999999999999"}) {
    expect_refused(post(fmt::format("Content-Length: {}\r\n", length), ""), ErrorCode::kMalformedRequest);
  }
  EXPECT_TRUE(read(post("Content-Length: 0\r\n", "")).done);
  EXPECT_TRUE(read(post("Content-Length: 0001\r\n", "x")).done);
  EXPECT_FALSE(read(post("Content-Length: 2\r\n", "x")).done);
}

TEST_F(HttpParserTest, ACodingMustSayWhereTheBodyEnds) {
  for (const char* lines :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: x\r\nContent-Length: 0\r\n"}) {
    expect_refused(post(lines, "0\r\n\r\n"), ErrorCode::kMalformedRequest);
  }
  expect_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrorCode::kMalformedRequest);
  expect_refused(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), ErrorCode::kNotImplemented);
  expect_refused(post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", ""), ErrorCode::kNotImplemented);
  EXPECT_TRUE(read(post("Transfer-Encoding: , Chunked ,\r\n", "0\r\n\r\n")).done);
}

TEST_F(HttpParserTest, ChunksAreJoined) {
  for (const char* body : {"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", "5\r\nabcde\r\n00\r\n\r\n",
                           "0002;name=value;x=\"y\"\r\nab\r\n3 ;x\r\ncde\r\n0;y\r\n\r\n",
                           "5\r\nabcde\r\n0\r\nX: y\r\nHost: other\r\n\r\n"}) {
    for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{3}}) {
      const auto result = read(chunked(body), piece);
      EXPECT_TRUE(result.done && result.left == 0) << body;
      EXPECT_EQ(request_.body(), "abcde") << body;
      EXPECT_EQ(request_.header(http::field::host), "x") << "a trailer is no header";
    }
  }
  EXPECT_TRUE(read(chunked("A\r\n0123456789\r\n0\r\n\r\n")).done);
  EXPECT_TRUE(read(chunked("a\r\n0123456789\r\n0\r\n\r\n")).done);
}

TEST_F(HttpParserTest, ChunksAreStrict) {
  for (const char* body :
       {"zz\r\n", "\r\n", "-1\r\nab\r\n", "0x2\r\nab\r\n", " 2\r\nab\r\n", "2 \r\nab\r\n", "2 x\r\nab\r\n", "2\nab\r\n",
        "2\r\nabc\r\n", "2\r\nab\n", "2\r\nab0\r\n\r\n", "0\r\n folded: x\r\n\r\n", "0\r\nno colon\r\n\r\n", "0\r\n\n",
        "0\r\nContent-Length: 7\r\n\r\n", "2;x\ny\r\nab\r\n", "g\r\n"}) {
    expect_refused(chunked(body + std::string("0\r\n\r\n")), ErrorCode::kMalformedRequest);
  }
  expect_refused(chunked("101\r\n"), ErrorCode::kBodyTooLarge);
  expect_refused(chunked("ffffffffffffffff\r\n"), ErrorCode::kBodyTooLarge);
  expect_refused(chunked("10000000000000001\r\n"), ErrorCode::kMalformedRequest);
  expect_refused(chunked("1\r\na\r\n100\r\n"), ErrorCode::kBodyTooLarge);
}

TEST_F(HttpParserTest, HeadersExtensionsAndTrailersAreBounded) {
  expect_refused(get("X: " + std::string(kHeaderMax, 'x') + "\r\n"), ErrorCode::kHeaderTooLarge);
  std::string many;
  for (int i = 0; i < 300; ++i) {
    many += "a:\r\n";
  }
  expect_refused(get(many), ErrorCode::kHeaderTooLarge);
  expect_refused(chunked("1;" + std::string(kHeaderMax, 'x')), ErrorCode::kHeaderTooLarge);
  std::string extended;
  for (int i = 0; i < 100; ++i) {
    extended += "1;extension=123456789\r\na\r\n";
  }
  expect_refused(chunked(extended), ErrorCode::kHeaderTooLarge);
  expect_refused(chunked("0\r\n" + many + "\r\n"), ErrorCode::kHeaderTooLarge);
  expect_refused("GET /" + std::string(kHeaderMax, 'x'), ErrorCode::kTargetTooLong);
  expect_refused("GET /" + std::string(kHeaderMax, 'x') + " HTTP/1.1\r\n\r\n", ErrorCode::kTargetTooLong);
  expect_refused("(" + std::string(kHeaderMax, 'x'), ErrorCode::kMalformedRequest);
}

TEST_F(HttpParserTest, AConnectionIsKeptAsItsClientAsks) {
  const auto kept = [&](std::string_view headers, std::string_view version) {
    return read(get(headers, version)).keep_alive;
  };
  EXPECT_TRUE(kept("", "HTTP/1.1"));
  EXPECT_FALSE(kept("", "HTTP/1.0"));
  EXPECT_TRUE(kept("Connection: keep-alive\r\n", "HTTP/1.0"));
  EXPECT_FALSE(kept("Connection: keep-alive\r\nConnection: x, Close\r\n", "HTTP/1.0"));
  EXPECT_FALSE(kept("Connection: close\r\n", "HTTP/1.1"));
  EXPECT_FALSE(kept("Connection: close, keep-alive\r\n", "HTTP/1.1"));
  EXPECT_TRUE(kept("Connection: upgrade\r\nUpgrade: h2c\r\n", "HTTP/1.1"));
}

TEST_F(HttpParserTest, WhatCannotBeMetIsRefused) {
  expect_refused(post("Expect: the-unexpected\r\n", ""), ErrorCode::kExpectationFailed);
  expect_refused(post("Expect: 100-continue, more\r\n", ""), ErrorCode::kExpectationFailed);
  EXPECT_TRUE(read(post("Expect: 100-Continue\r\n", "")).done);
  expect_refused(post("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x"), ErrorCode::kUnsupportedMediaType);
  expect_refused(post("Content-Encoding: identity, br\r\n", ""), ErrorCode::kUnsupportedMediaType);
  EXPECT_TRUE(read(post("Content-Encoding: Identity\r\n", "")).done);
  expect_refused("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Range: bytes 0-1/2\r\n\r\n", ErrorCode::kMalformedRequest);
}

}  // namespace
}  // namespace hongbao

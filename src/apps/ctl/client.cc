#include "apps/ctl/client.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/parse.hpp>
#include <chrono>

namespace hongbao {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::chrono::seconds kTimeout{60};
constexpr uint64_t kAnswerBytesMax = 64UL << 20;

Result<Answer> exchange(const std::string& host, const std::string& port,
                        const http::request<http::string_body>& request) {
  asio::io_context io;
  beast::tcp_stream stream(io);
  boost::system::error_code error;
  const auto addresses = asio::ip::tcp::resolver(io).resolve(host, port, error);
  if (!error) {
    stream.expires_after(kTimeout);
    stream.connect(addresses, error);
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  if (!error) {
    http::write(stream, request, error);
  }
  if (!error) {
    http::read(stream, buffer, parser, error);
  }
  if (error) {
    return fail(ErrorCode::kUnavailable, fmt::format("no answer from {}:{}: {}", host, port, error.message()));
  }
  Answer answer{parser.get().result_int(), {}};
  answer.body = boost::json::parse(parser.get().body(), error);
  if (error) {
    return fail(ErrorCode::kUnavailable, fmt::format("{}:{} did not answer with JSON", host, port));
  }
  return answer;
}

}  // namespace

Result<Answer> ask_server(const Endpoint& endpoint, const std::string& method, const std::string& target,
                          const std::string& body) {
  const auto url = boost::urls::parse_uri(endpoint.url);
  if (!url || url->scheme() != "http" || url->host().empty()) {
    return fail(ErrorCode::kConfig,
                fmt::format("\"{}\" is not an address such as http://127.0.0.1:8081", endpoint.url));
  }
  http::request<http::string_body> request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, url->encoded_host_and_port());
  request.set(http::field::authorization, "Bearer " + endpoint.token);
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  return exchange(url->host(), url->has_port() ? std::string(url->port()) : "80", request);
}

}  // namespace hongbao

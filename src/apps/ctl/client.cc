#include "apps/ctl/client.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace hongbao {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::seconds kConnectTimeout{10};
constexpr uint64_t kAnswerBytesMax = 64UL << 20;

// One asynchronous step, so that the stream's time is kept: it is not in blocking calls.
template <class Start>
error_code await(asio::io_context& io, Start&& start) {
  error_code outcome;
  start([&outcome](error_code error, auto&&...) { outcome = error; });
  io.restart();
  io.run();
  return outcome;
}

class Exchange {
 public:
  explicit Exchange(const HttpAddress& address) : address_(address) {}

  Result<ServerAnswer> run(const http::request<http::string_body>& request, std::chrono::seconds at_most) {
    error_code error;
    const auto found = asio::ip::tcp::resolver(io_).resolve(address_.host, std::to_string(address_.port), error);
    if (!error) {
      stream_.expires_after(kConnectTimeout);
      error = await(io_, [&](auto done) { stream_.async_connect(found, done); });
    }
    if (error) {
      return fail(ErrorCode::kUnavailable, fmt::format("no answer from {}: {}", address_.authority(), words(error)));
    }
    stream_.expires_after(at_most);
    error = await(io_, [&](auto done) { http::async_write(stream_, request, done); });
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    if (!error) {
      error = await(io_, [&](auto done) { http::async_read(stream_, buffer, parser, done); });
    }
    const bool is_read = request.method() == http::verb::get;
    if (error == beast::error::timeout) {
      return lost(is_read, fmt::format("no answer within {} s", at_most.count()));
    }
    if (error) {
      return lost(is_read, "no answer: " + error.message());
    }
    ServerAnswer answer{parser.get().result_int(), {}};
    answer.body = boost::json::parse(parser.get().body(), error);
    return error ? lost(is_read, fmt::format("an answer {} that is not JSON", answer.status))
                 : Result<ServerAnswer>(answer);
  }

 private:
  static std::string words(const error_code& error) {
    return error == beast::error::timeout ? fmt::format("not within {} s", kConnectTimeout.count()) : error.message();
  }

  // The request was sent, or some of it.
  [[nodiscard]] std::unexpected<Error> lost(bool is_read, const std::string& how) const {
    const std::string where = fmt::format("{} gave {}", address_.authority(), how);
    return is_read
               ? fail(ErrorCode::kUnavailable, where)
               : fail(ErrorCode::kOutcomeUnknown, where + ", and what was asked for may or may not have taken effect");
  }

  const HttpAddress address_;
  asio::io_context io_{1};
  beast::tcp_stream stream_{io_};
};

}  // namespace

std::string encode(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars + '@');
}

Result<ServerAnswer> ask_server(const ServerAccess& server, const std::string& method, const std::string& target,
                                const std::string& body, const AskOptions& options) {
  http::request<http::string_body> request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, server.address.authority());
  request.set(http::field::authorization, "Bearer " + server.token);
  if (!options.key.empty()) {
    request.set("Idempotency-Key", options.key);
  }
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  return Exchange(server.address).run(request, options.at_most);
}

}  // namespace hongbao

// A request as a handler sees it. It keeps its text in memory that a session uses again for its next request, because a
// container of header fields would take four allocations for every open. One thread.
#pragma once

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hongbao {

namespace http = boost::beast::http;

class HttpRequest {
 public:
  HttpRequest() = default;

  [[nodiscard]] http::verb method() const { return method_; }
  [[nodiscard]] std::string_view target() const { return target_; }
  [[nodiscard]] const std::string& body() const { return body_; }
  // The address that it came from; empty when it came over no connection.
  [[nodiscard]] const std::string& peer() const { return peer_; }
  void set_peer(std::string address) { peer_ = std::move(address); }
  // 10 or 11.
  [[nodiscard]] int version() const { return version_; }

  // The first of that name, without the white space around it; empty when there is none.
  [[nodiscard]] std::string_view header(http::field name) const;
  // For names that Beast does not know. nullopt when there is none.
  [[nodiscard]] std::optional<std::string_view> find_header(std::string_view name) const;
  [[nodiscard]] size_t count(http::field name) const;
  [[nodiscard]] size_t count(std::string_view name) const;
  // The elements of a list that may stand in several lines, in their order, without white space and empty ones (RFC
  // 9110, section 5.6.1).
  [[nodiscard]] std::vector<std::string_view> list(http::field name) const;

 private:
  friend class HttpRequestParser;
  // Places in `text_`.
  struct Header {
    http::field field;
    uint32_t name_at;
    uint32_t value_at;
    uint32_t end;
  };
  [[nodiscard]] std::string_view name_of(const Header& header) const;
  [[nodiscard]] std::string_view value_of(const Header& header) const;
  void clear();

  http::verb method_ = http::verb::unknown;
  int version_ = 0;
  std::string target_;
  std::string body_;
  std::string peer_;  // of all requests of a connection: `clear` leaves it
  std::string text_;  // names and values of all headers
  std::vector<Header> headers_;
};

}  // namespace hongbao

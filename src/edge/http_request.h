// A request as a handler sees it, and the parser that fills it. Beast's parser reads the bytes; what it finds is kept
// in memory that a session uses again for its next request, because a container of header fields would take four
// allocations for every open. One thread.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hongbao {

namespace http = boost::beast::http;

class HttpRequest {
 public:
  HttpRequest() = default;
  // One that came another way than over HTTP.
  HttpRequest(http::verb method, std::string target, std::string body)
      : method_(method), version_(11), target_(std::move(target)), body_(std::move(body)) {}
  // For names that Beast does not know.
  void add_header(std::string_view name, std::string_view value);

  [[nodiscard]] http::verb method() const { return method_; }
  [[nodiscard]] std::string_view target() const { return target_; }
  [[nodiscard]] const std::string& body() const { return body_; }
  // 10 or 11.
  [[nodiscard]] int version() const { return version_; }

  // The first of that name, without the white space around it; empty when there is none.
  [[nodiscard]] std::string_view header(http::field name) const;
  // For names that Beast does not know. nullopt when there is none.
  [[nodiscard]] std::optional<std::string_view> find_header(std::string_view name) const;
  [[nodiscard]] size_t count(http::field name) const;

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
  std::string text_;  // names and values of all headers
  std::vector<Header> headers_;
};

// Reads one request. Beast calls the on_… functions.
class HttpRequestParser final : public http::basic_parser<true> {
 public:
  // `request` outlives the parser, and is emptied.
  explicit HttpRequestParser(HttpRequest& request);

 private:
  using ErrorRef = boost::beast::error_code&;
  using Text = boost::beast::string_view;

  void on_request_impl(http::verb method, Text method_text, Text target, int version, ErrorRef) override;
  void on_response_impl(int, Text, int, ErrorRef) override {}
  void on_field_impl(http::field field, Text name, Text value, ErrorRef) override;
  void on_header_impl(ErrorRef) override { in_header_ = false; }
  void on_body_init_impl(const boost::optional<uint64_t>& length, ErrorRef error) override;
  size_t on_body_impl(Text body, ErrorRef error) override;
  void on_chunk_header_impl(uint64_t, Text, ErrorRef) override {}
  size_t on_chunk_body_impl(uint64_t remaining, Text body, ErrorRef error) override;
  void on_finish_impl(ErrorRef) override {}

  HttpRequest& request_;
  bool in_header_ = true;
};

}  // namespace hongbao

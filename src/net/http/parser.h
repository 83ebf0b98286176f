// Reads one request off a connection. Boost.Beast finds where it ends; what Beast takes and another reader before this
// server may have read otherwise is refused here, and the connection with it (docs/HTTP.md). One thread.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "net/http/request.h"

namespace hongbao {

class HttpRequestParser final : private http::basic_parser<true> {
 public:
  // `request` outlives the parser, and is emptied. `header_bytes_max` bounds the request line with all header fields;
  // and all that a chunked body has besides its chunks.
  HttpRequestParser(HttpRequest& request, size_t header_bytes_max, uint64_t body_bytes_max);

  // Takes bytes off the front of those that have arrived, and says how many. What is left before the request is whole
  // is the beginning of something: it is given again with what follows. After an error nothing more can be read from
  // this connection.
  Result<size_t> put(std::string_view bytes);

  using http::basic_parser<true>::is_done;
  // Something other than empty lines has come.
  [[nodiscard]] bool has_begun() const { return got_some(); }
  [[nodiscard]] bool is_head_done() const { return is_header_done(); }
  // REQUIRES: is_head_done.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool expects_continue() const {
    return request_.version() == 11 && !request_.list(http::field::expect).empty();  // then it is 100-continue
  }

 private:
  using ErrorRef = boost::beast::error_code&;
  using Text = boost::beast::string_view;

  void on_request_impl(http::verb method, Text method_text, Text target, int version, ErrorRef) override;
  void on_response_impl(int, Text, int, ErrorRef) override {}
  void on_field_impl(http::field field, Text name, Text value, ErrorRef error) override;
  void on_header_impl(ErrorRef error) override;
  void on_body_init_impl(const boost::optional<uint64_t>& length, ErrorRef error) override;
  size_t on_body_impl(Text body, ErrorRef error) override;
  void on_chunk_header_impl(uint64_t size, Text extensions, ErrorRef error) override;
  size_t on_chunk_body_impl(uint64_t remaining, Text body, ErrorRef error) override;
  void on_finish_impl(ErrorRef) override {}

  void count_around(size_t bytes, ErrorRef error);
  [[nodiscard]] Error refusal(const boost::beast::error_code& error, std::string_view left) const;

  HttpRequest& request_;
  const size_t header_bytes_max_;
  const uint64_t body_bytes_max_;
  size_t around_left_;  // bytes that chunk extensions and trailers may still take
  bool in_head_ = true;
  std::optional<Error> refused_;  // by one of the functions that Beast calls
};

}  // namespace hongbao

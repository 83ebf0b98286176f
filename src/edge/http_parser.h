// Reads one request off a connection: RFC 9112, strictly. Where the grammar leaves a reader a choice about where
// something ends, another reader before this server may have chosen otherwise; such a request is refused, and the
// connection with it. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "edge/http_request.h"

namespace hongbao {

class HttpRequestParser {
 public:
  // `request` outlives the parser, and is emptied. `header_bytes_max` bounds the request line; all header fields; and
  // all that a chunked body has besides its chunks.
  HttpRequestParser(HttpRequest& request, size_t header_bytes_max, uint64_t body_bytes_max);

  // Takes bytes off the front of those that have arrived, and says how many. What is left before the request is whole
  // is the beginning of something: it is given again with what follows. After an error nothing more can be read from
  // this connection.
  Result<size_t> put(std::string_view bytes);

  [[nodiscard]] bool is_done() const { return state_ == State::kDone; }
  // Something other than empty lines has come.
  [[nodiscard]] bool has_begun() const { return state_ != State::kRequestLine || scanned_ > 0; }
  [[nodiscard]] bool is_head_done() const { return state_ > State::kFields; }
  // REQUIRES: is_head_done.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }

 private:
  // In this order.
  enum class State : uint8_t { kRequestLine, kFields, kBody, kChunkSize, kChunk, kChunkEnd, kTrailers, kDone };
  using Line = std::optional<std::string_view>;  // nullopt: it has not arrived whole

  // How many bytes were taken; 0 when there are too few.
  Result<size_t> step(std::string_view bytes);
  Result<Line> find_line(std::string_view bytes);
  Result<size_t> take_request_line(std::string_view bytes);
  Result<size_t> take_field(std::string_view bytes);
  Result<size_t> take_chunk_size(std::string_view bytes);
  Result<size_t> take_chunk_end(std::string_view bytes);
  size_t take_body(std::string_view bytes);
  Result<void> read_request_line(std::string_view line);
  Result<void> end_head();
  Result<void> read_framing();

  HttpRequest& request_;
  const size_t line_bytes_max_;
  const uint64_t body_bytes_max_;
  State state_ = State::kRequestLine;
  size_t scanned_ = 0;      // of a line that has not arrived whole
  size_t header_left_;      // bytes that header fields may still take
  size_t around_left_;      // bytes that chunk extensions and trailers may still take
  uint64_t body_left_ = 0;  // of the body, or of its chunk
  bool keep_alive_ = true;
  bool expects_continue_ = false;
};

}  // namespace hongbao

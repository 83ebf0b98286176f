// An HTTP answer, read with Beast's parser but without a container of header fields: a load generator asks for three of
// them. `Answer` keeps its body's memory between answers. Owned by a connection; one thread.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hongbao::load {

struct Answer {
  unsigned status = 0;
  uint32_t retry_after_s = 0;  // 0: the header was not there
  std::string body;

  void clear();
};

// Reads one answer. Beast calls the on_… functions.
class AnswerParser final : public boost::beast::http::basic_parser<false> {
 public:
  // `answer` outlives the parser.
  explicit AnswerParser(Answer& answer) : answer_(answer) {
    answer_.clear();
    eager(true);
  }

 private:
  using ErrorRef = boost::beast::error_code&;
  using Text = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, Text, Text, int, ErrorRef) override {}
  void on_response_impl(int status, Text reason, int version, ErrorRef error) override;
  void on_field_impl(boost::beast::http::field name, Text name_text, Text value, ErrorRef error) override;
  void on_header_impl(ErrorRef) override {}
  void on_body_init_impl(const boost::optional<uint64_t>& length, ErrorRef error) override;
  size_t on_body_impl(Text body, ErrorRef error) override;
  void on_chunk_header_impl(uint64_t, Text, ErrorRef) override {}
  size_t on_chunk_body_impl(uint64_t remaining, Text body, ErrorRef error) override;
  void on_finish_impl(ErrorRef) override {}

  Answer& answer_;
};

// Parses one JSON text after another in memory of its own. One thread.
class JsonReader {
 public:
  JsonReader() = default;
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  // The object, which lives until the next call; nullptr when `text` isn't one JSON object.
  const boost::json::object* read(std::string_view text);

 private:
  static constexpr size_t kArenaBytes = 16 * 1024;
  unsigned char arena_[kArenaBytes];
  unsigned char parser_temp_[2048];
  boost::json::monotonic_resource memory_{arena_, sizeof arena_};
  boost::json::parser parser_{boost::json::storage_ptr(), boost::json::parse_options(), parser_temp_,
                              sizeof parser_temp_};
  std::optional<boost::json::value> value_;
};

// A member of an object, or nothing when it is missing or of another kind.
std::optional<std::string_view> text_of(const boost::json::object& object, std::string_view name);
std::optional<int64_t> integer_of(const boost::json::object& object, std::string_view name);
const boost::json::object* object_of(const boost::json::object& object, std::string_view name);
const boost::json::array* array_of(const boost::json::object& object, std::string_view name);

}  // namespace hongbao::load

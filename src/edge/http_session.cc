#include "edge/http_session.h"

#include <fmt/compile.h>

#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "base/check.h"
#include "edge/problem.h"

namespace hongbao {
namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr std::chrono::seconds kLingerMax{2};

http::status status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) {
    return http::status::request_header_fields_too_large;
  }
  if (error == http::error::body_limit || error == http::error::buffer_overflow) {
    return http::status::payload_too_large;
  }
  return http::status::bad_request;
}

// RFC 9112, sections 3.2 and 6.1: HTTP/1.1 names its host once, and only the coding `chunked` says where a body ends.
// Behind any other, the body would be read as the next request.
bool is_well_formed(const HttpRequest& request) {
  const bool is_1_1 = request.version() == 11;
  const auto codings = request.count(http::field::transfer_encoding);
  const bool is_framed =
      codings == 0 ||
      (is_1_1 && codings == 1 && boost::beast::iequals(request.header(http::field::transfer_encoding), "chunked"));
  return is_framed && (!is_1_1 || request.count(http::field::host) == 1);
}

}  // namespace

void HttpSession::answer(std::shared_ptr<ReplyTarget> self, uint64_t request, HttpResponse response) {
  if (io_.on_this_thread()) {
    complete(request, std::move(response));
  } else {  // a session ends on its own thread
    io_.deliver(std::static_pointer_cast<HttpSession>(std::move(self)), request, std::move(response));
  }
}

void HttpSession::give_up(std::shared_ptr<ReplyTarget> self, uint64_t request) {
  answer(std::move(self), request, io_.error_page()(http::status::internal_server_error));
}

HttpSession::HttpSession(HttpIo& io, boost::asio::ip::tcp::socket socket, std::shared_ptr<void> connection_count)
    : io_(io),
      socket_(std::move(socket)),
      connection_count_(std::move(connection_count)),
      input_(io.limits().header_bytes_max + io.limits().body_bytes_max + 2 * kReadBytes),
      last_progress_(std::chrono::steady_clock::now()) {}

HttpSession::~HttpSession() {
  io_.remove(this);
}

void HttpSession::start() {
  io_.add(this);
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  read();
}

void HttpSession::add_slot(Slot slot) {
  slots_.push_back(std::move(slot));
  io_.count_owed(1);
}

bool HttpSession::may_take_more() const {
  return !closed_ && !input_ended_ && slots_.size() < io_.limits().pipelined_requests_max;
}

void HttpSession::read() {
  if (reading_ || !may_take_more()) {
    return;
  }
  reading_ = true;
  socket_.async_read_some(input_.prepare(kReadBytes),
                          [self = shared_from_this()](const boost::system::error_code& error, size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void HttpSession::on_read(const boost::system::error_code& error, size_t bytes) {
  reading_ = false;
  if (closed_) {
    return;
  }
  if (error) {
    // A client that has shut down its side may still wait for its answers.
    input_ended_ = true;
    peer_closed_ = true;
    const bool owes = writing_ || !slots_.empty();
    if (error != boost::asio::error::eof || !owes) {
      close();
    }
    return;
  }
  if (!request_began_) {
    request_began_ = std::chrono::steady_clock::now();
  }
  input_.commit(bytes);
  parse();
}

// Takes every whole request that has arrived, then writes what was answered at once.
void HttpSession::parse() {
  parsing_ = true;
  while (may_take_more() && input_.size() > 0 && parse_one()) {
  }
  parsing_ = false;
  // Read before `flush` makes room for more: a read may be on its way only while no whole request waits in the buffer,
  // because taking one would move the bytes under it.
  read();
  flush();
}

// False: more bytes are needed.
bool HttpSession::parse_one() {
  if (!parser_) {
    parser_.emplace(request_);
    parser_->header_limit(io_.limits().header_bytes_max);
    parser_->body_limit(io_.limits().body_bytes_max);
  }
  boost::system::error_code error;
  input_.consume(parser_->put(input_.data(), error));
  if (error && error != http::error::need_more) {
    refuse(error);
    return false;
  }
  if (!parser_->is_done()) {
    // Beast bounds headers, but not chunk extensions and trailers, which it leaves in the buffer until they are whole.
    if (input_.size() > io_.limits().header_bytes_max) {
      refuse(http::status::request_header_fields_too_large);
      return false;
    }
    answer_expectation();
    return false;
  }
  if (!is_well_formed(request_)) {
    refuse(http::status::bad_request);
    return false;
  }
  dispatch();
  return true;
}

// RFC 9110, section 10.1.1.
void HttpSession::answer_expectation() {
  if (!expectation_answered_ && parser_->is_header_done() && request_.version() == 11 &&
      boost::beast::iequals(request_.header(http::field::expect), "100-continue")) {
    expectation_answered_ = true;
    add_slot({"HTTP/1.1 100 Continue\r\n\r\n"});
  }
}

void HttpSession::dispatch() {
  const bool keep_alive = parser_->keep_alive();
  parser_.reset();
  expectation_answered_ = false;
  last_progress_ = std::chrono::steady_clock::now();
  request_began_ = input_.size() > 0 ? std::optional(last_progress_) : std::nullopt;
  if (!keep_alive) {
    input_ended_ = true;
  }
  add_slot({{}, keep_alive, request_.method() != http::verb::head});
  io_.handler()(request_, Reply(shared_from_this(), first_slot_ + slots_.size() - 1));
}

void HttpSession::refuse(const boost::system::error_code& error) {
  refuse(status_of(error));
}

void HttpSession::refuse(http::status status) {
  input_ended_ = true;
  request_began_.reset();
  add_slot({{}, false});
  complete(first_slot_ + slots_.size() - 1, io_.error_page()(status));
}

void HttpSession::complete(uint64_t request, HttpResponse response) {
  if (closed_) {
    return;
  }
  CHECK(request >= first_slot_ && request - first_slot_ < slots_.size());
  Slot& slot = slots_[request - first_slot_];
  CHECK(slot.wire.empty());
  if (response.close) {
    slot.keep_alive = false;
    input_ended_ = true;
  }
  if (request != first_slot_ || writing_ || parsing_) {
    print(response, slot, slot.wire);
    flush();
    return;
  }
  // Most answers go out at once.
  output_.clear();
  print(response, slot, output_);
  take_front();
  gather();
  write();
}

void HttpSession::print(const HttpResponse& response, const Slot& slot, std::string& out) const {
  count_problem(response);
  out.reserve(192 + response.headers.size() + response.body.size());
  fmt::format_to(std::back_inserter(out),
                 FMT_COMPILE("HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}\r\n{}"),
                 static_cast<unsigned>(response.status), std::string_view(http::obsolete_reason(response.status)),
                 io_.date(), response.content_type, response.body.size(), response.headers,
                 slot.keep_alive ? "" : "Connection: close\r\n", slot.has_body ? response.body : "");
}

void HttpSession::take_front() {
  slots_.pop_front();
  ++first_slot_;
  ++being_written_;
}

// The answers at the front that are there.
void HttpSession::gather() {
  while (!slots_.empty() && !slots_.front().wire.empty()) {
    output_ += slots_.front().wire;
    take_front();
  }
}

// Writes the answers at the front that are there, in one piece.
void HttpSession::flush() {
  if (writing_ || parsing_ || closed_) {
    return;
  }
  output_.clear();
  gather();
  if (output_.empty()) {
    if (input_ended_ && slots_.empty()) {
      finish();
    }
    return;
  }
  write();
}

// An answer nearly always fits into the socket's buffer: one system call and no handler.
void HttpSession::write() {
  writing_ = true;
  boost::system::error_code error;
  const size_t written = socket_.write_some(boost::asio::buffer(output_), error);
  if (written == output_.size() || (error && error != boost::asio::error::would_block)) {
    on_written(error);
    return;
  }
  boost::asio::async_write(
      socket_, boost::asio::buffer(output_) + written,
      [self = shared_from_this()](const boost::system::error_code& failed, size_t) { self->on_written(failed); });
}

void HttpSession::on_written(const boost::system::error_code& error) {
  writing_ = false;
  io_.count_owed(-std::exchange(being_written_, 0));
  last_progress_ = std::chrono::steady_clock::now();
  if (error) {
    close();
    return;
  }
  // Requests that came behind the pipelining limit wait in the buffer.
  parse();
}

void HttpSession::check_timeouts(std::chrono::steady_clock::time_point now) {
  const HttpLimits& limits = io_.limits();
  if (lingering_) {
    if (now - last_progress_ > kLingerMax) {
      close();
    }
    return;
  }
  if (writing_) {
    if (now - last_progress_ > limits.request_timeout) {
      close();  // the client doesn't take its answers
    }
    return;
  }
  if (!slots_.empty()) {
    return;  // we owe answers; their commands have deadlines
  }
  if (request_began_ && now - *request_began_ > limits.request_timeout) {
    refuse(http::status::request_timeout);
  } else if (!request_began_ && now - last_progress_ > limits.idle_timeout) {
    close();
  }
}

// All is answered. The client may still be sending: closing now would reset the connection and could take our answer
// with it, so read and drop for a while (RFC 9112, section 9.6).
void HttpSession::finish() {
  if (peer_closed_) {
    close();
    return;
  }
  lingering_ = true;
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  drop_input();
}

void HttpSession::drop_input() {
  if (reading_) {
    return;
  }
  reading_ = true;
  input_.clear();
  socket_.async_read_some(input_.prepare(kReadBytes),
                          [self = shared_from_this()](const boost::system::error_code& error, size_t) {
                            self->reading_ = false;
                            if (error) {
                              self->close();
                            } else if (!self->closed_) {
                              self->drop_input();
                            }
                          });
}

void HttpSession::close() {
  closed_ = true;
  io_.count_owed(-static_cast<int64_t>(slots_.size()));
  slots_.clear();
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace hongbao

#include "net/http/session.h"

#include <fmt/compile.h>

#include <algorithm>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr size_t kHttpReadBytes = 16 * 1024;
constexpr std::chrono::seconds kLingerMax{2};
constexpr size_t kOutputBytesKept = 64 * 1024;  // by a connection that has nothing to write

// RFC 9110, section 8.6, and RFC 9112, section 6.3.
bool may_have_content(http::status status) {
  return status != http::status::no_content && status != http::status::not_modified;
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
  answer(std::move(self), request, io_.app().error_page({ErrorCode::kInternal}));
}

HttpSession::HttpSession(HttpIo& io, boost::asio::ip::tcp::socket socket, std::unique_ptr<HttpConnections::Place> place)
    : io_(io),
      socket_(std::move(socket)),
      place_(std::move(place)),
      owed_(io.owed_bytes(), place_->limited_client()),
      input_(io.limits().header_bytes_max + 2 * kHttpReadBytes),
      last_progress_(std::chrono::steady_clock::now()) {
  place_->set_idle(last_progress_);
  boost::system::error_code gone;
  request_.set_peer(socket_.remote_endpoint(gone).address().to_string());
}

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

void HttpSession::end_soon() {
  if (slots_.empty() && !writing_) {
    close();
  } else {
    input_ended_ = true;
  }
}

void HttpSession::add_slot(Slot slot) {
  owed_.add(slot.bytes);
  slots_.push_back(std::move(slot));
  io_.count_owed(1);
}

bool HttpSession::may_take_more() const {
  return !closed_ && !input_ended_ && slots_.size() < io_.limits().pipelined_requests_max;
}

void HttpSession::read() {
  if (reading_ || waits_for_room_ || !may_take_more()) {
    return;
  }
  reading_ = true;
  socket_.async_read_some(input_.prepare(kHttpReadBytes),
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
  heard_ = true;
  input_.commit(bytes);
  parse();
}

// Takes every whole request that has arrived, then writes what was answered at once.
void HttpSession::parse() {
  parsing_ = true;
  while (may_take_more() && (waits_for_room_ || input_.size() > 0) && parse_one()) {
  }
  parsing_ = false;
  // Read before `flush` makes room for more: a read may be on its way only while no whole request waits in the buffer,
  // because taking one would move the bytes under it.
  read();
  flush();
}

// False: more bytes are needed, or room.
bool HttpSession::parse_one() {
  if (waits_for_room_) {
    return dispatch();
  }
  if (!parser_) {
    parser_.emplace(request_, io_.limits().header_bytes_max, io_.limits().body_bytes_max);
  }
  const auto bytes = input_.cdata();
  const auto taken = parser_->put({static_cast<const char*>(bytes.data()), bytes.size()});
  if (!taken) {
    refuse(taken.error());
    return false;
  }
  input_.consume(*taken);
  if (!parser_->is_done()) {
    if (!parser_->has_begun() && input_.size() == 0) {
      request_began_.reset();  // an empty line between requests
    }
    answer_expectation();
    return false;
  }
  return dispatch();
}

// RFC 9110, section 10.1.1.
void HttpSession::answer_expectation() {
  if (!expectation_answered_ && parser_->is_head_done() && parser_->expects_continue()) {
    expectation_answered_ = true;
    std::string wire = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto bytes = static_cast<int64_t>(wire.size());
    add_slot({.wire = std::move(wire), .bytes = bytes});
  }
}

bool HttpSession::dispatch() {
  const int64_t bytes = io_.app().answer_size(request_);
  const OwedBytes::Room room = owed_.room_for(bytes);
  waits_for_room_ = room == OwedBytes::Room::kLater;
  if (waits_for_room_) {
    return false;
  }
  const bool keep_alive = parser_->keep_alive();
  parser_.reset();
  expectation_answered_ = false;
  last_progress_ = std::chrono::steady_clock::now();
  request_began_ = input_.size() > 0 ? std::optional(last_progress_) : std::nullopt;
  if (!keep_alive) {
    input_ended_ = true;
  }
  place_->set_busy();
  const http::verb method = request_.method();
  add_slot({.keep_alive = keep_alive,
            .has_body = method != http::verb::head,
            .is_1_0 = request_.version() == 10,
            .only_reads = method == http::verb::get || method == http::verb::head,
            .bytes = room == OwedBytes::Room::kYes ? bytes : 0});
  const uint64_t number = first_slot_ + slots_.size() - 1;
  if (room == OwedBytes::Room::kYes) {
    io_.app().handler(request_, Reply(shared_from_this(), number));
  } else {
    complete(number, io_.app().error_page({ErrorCode::kOverloaded, "too many bytes of answers wait to be taken"}));
  }
  return true;
}

void HttpSession::refuse(const Error& error) {
  input_ended_ = true;
  request_began_.reset();
  // A parser that has begun has emptied request_.
  add_slot({.keep_alive = false, .has_body = !parser_ || request_.method() != http::verb::head});
  complete(first_slot_ + slots_.size() - 1, io_.app().error_page(error));
}

void HttpSession::complete(uint64_t request, HttpResponse response) {
  if (closed_) {
    return;
  }
  CHECK(request < first_slot_ + slots_.size());
  if (request < first_slot_ || !slots_[request - first_slot_].wire.empty()) {  // the client was told already
    CHECK(answered_late_ > 0);
    --answered_late_;
    return;
  }
  Slot& slot = slots_[request - first_slot_];
  if (response.close) {
    slot.keep_alive = false;
    input_ended_ = true;
  }
  if (request != first_slot_ || writing_ || parsing_) {
    print(response, slot, slot.wire);
    set_bytes(slot, slot.wire.size());
    flush();
    return;
  }
  // Most answers go out at once.
  output_.clear();
  print(response, slot, output_);
  set_bytes(slot, output_.size());
  take_front();
  gather();
  write();
}

void HttpSession::set_late_at(uint64_t request, SteadyTime at) {
  CHECK(request >= first_slot_ && request < first_slot_ + slots_.size());
  slots_[request - first_slot_].late_at = at;
}

void HttpSession::tell_late(SteadyTime now) {
  uint64_t request = first_slot_;
  while (!closed_ && request < first_slot_ + slots_.size()) {
    const Slot& slot = slots_[request - first_slot_];
    if (slot.wire.empty() && slot.late_at <= now) {
      ++answered_late_;
      const Error late =
          slot.only_reads
              ? Error{ErrorCode::kDeadlineExceeded, "what it would be read from did not answer in time; ask again"}
              : Error{ErrorCode::kOutcomeUnknown, "whether it was done is not known yet; ask again"};
      complete(request, io_.app().error_page(late));
    }
    request = std::max(request + 1, first_slot_);  // answers in front may have left
  }
}

void HttpSession::print(const HttpResponse& response, const Slot& slot, std::string& out) const {
  io_.app().observer(response);
  out.reserve(192 + response.headers.size() + response.body.size());
  const auto more = std::back_inserter(out);
  fmt::format_to(more, FMT_COMPILE("HTTP/1.1 {} {}\r\nDate: {}\r\n"), static_cast<unsigned>(response.status),
                 std::string_view(http::obsolete_reason(response.status)), io_.date());
  const bool has_content = may_have_content(response.status);
  if (has_content) {
    fmt::format_to(more, FMT_COMPILE("Content-Type: {}\r\nContent-Length: {}\r\n"), response.content_type,
                   response.body.size());
  }
  const std::string_view connection = !slot.keep_alive ? "Connection: close\r\n"
                                      : slot.is_1_0    ? "Connection: keep-alive\r\n"
                                                       : "";
  fmt::format_to(more, FMT_COMPILE("{}{}\r\n{}"), response.headers, connection,
                 slot.has_body && has_content ? std::string_view(response.body) : "");
}

void HttpSession::set_bytes(Slot& slot, size_t bytes) {
  owed_.add(static_cast<int64_t>(bytes) - slot.bytes);
  slot.bytes = static_cast<int64_t>(bytes);
}

void HttpSession::take_front() {
  bytes_being_written_ += slots_.front().bytes;
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
  owed_.take(std::exchange(bytes_being_written_, 0));
  if (output_.capacity() > kOutputBytesKept) {
    std::string().swap(output_);
  }
  last_progress_ = std::chrono::steady_clock::now();
  if (slots_.empty()) {
    place_->set_idle(last_progress_);
  }
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
  tell_late(now);
  if (writing_) {
    if (now - last_progress_ > limits.request_timeout) {
      close();  // the client doesn't take its answers
    }
    return;
  }
  if (!slots_.empty()) {
    return;  // we owe answers
  }
  if (request_began_ && now - *request_began_ > limits.request_timeout) {
    refuse({ErrorCode::kRequestTimeout, "must arrive whole within the request timeout", "request"});
  } else if (!request_began_ &&
             now - last_progress_ >
                 (heard_ ? limits.idle_timeout : std::min(limits.first_byte_timeout, limits.idle_timeout))) {
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
  socket_.async_read_some(input_.prepare(kHttpReadBytes),
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
  owed_.clear();
  bytes_being_written_ = 0;
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace hongbao

#include "net/link/peer_connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kStrangersReadBytes = 1'024;

}  // namespace

PeerConnection::PeerConnection(PeerIo& io, boost::asio::ip::tcp::socket socket, PeerRole role,
                               const std::string& expected)
    : io_(io),
      socket_(std::move(socket)),
      channel_(role, io.tls(), expected, io.limits().frame_bytes_max),
      began_(std::chrono::steady_clock::now()),
      heard_(began_),
      sent_(began_),
      outgoing_(io.limits()) {}

std::expected<PeerFramePlace, ErrorCode> PeerConnection::send(const PeerFrame& frame, uint64_t flow) {
  CHECK(frame.payload.size() <= limits().frame_bytes_max);
  std::optional<PeerFramePlace> place;
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      return std::unexpected(ErrorCode::kUnavailable);
    }
    place = outgoing_.put(frame, flow);
    if (!place) {
      return std::unexpected(ErrorCode::kOverloaded);
    }
    is_first = !std::exchange(flush_due_, true);
  }
  if (is_first) {
    boost::asio::post(io_.context(), [self = shared_from_this()] { self->flush(); });
  }
  return *place;
}

bool PeerConnection::withdraw(const PeerFramePlace& place) {
  const std::lock_guard lock(mutex_);
  return outgoing_.withdraw(place);
}

bool PeerConnection::has_too_much_of(uint64_t flow) {
  const std::lock_guard lock(mutex_);
  return outgoing_.is_full_for(flow);
}

bool PeerConnection::has_unsent() {
  const std::lock_guard lock(mutex_);
  return writing_ || !outgoing_.empty();
}

void PeerConnection::begin() {
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  const int bytes = kPeerKernelBytes;
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
  socket_.non_blocking(true, ignored);
  channel_.start(said_);
  flush();
  read();
}

void PeerConnection::read() {
  if (closed_) {
    return;
  }
  const size_t wanted = established() ? kReadBytes : kStrangersReadBytes;
  if (input_bytes_ < wanted) {
    input_ = std::make_unique_for_overwrite<char[]>(wanted);
    input_bytes_ = wanted;
  }
  socket_.async_read_some(boost::asio::buffer(input_.get(), input_bytes_),
                          [self = shared_from_this()](const boost::system::error_code& error, size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void PeerConnection::on_read(const boost::system::error_code& error, size_t bytes) {
  if (closed_) {
    return;
  }
  if (error) {
    close(error.message());
    return;
  }
  heard_ = std::chrono::steady_clock::now();
  const bool was_established = established();
  const auto frames = channel_.take({input_.get(), bytes}, said_);
  if (!frames) {
    say_last_words();
    close(frames.error().detail);
    return;
  }
  if (established() && !was_established) {
    on_established();
  }
  take_frames(*frames);
  if (closed_) {
    return;
  }
  if (!said_.empty() || established() != was_established) {
    flush();
  }
  read();
}

// Why it ends, so that the other side can tell; as far as the socket takes it.
void PeerConnection::say_last_words() {
  if (!writing_ && !said_.empty()) {
    boost::system::error_code ignored;
    socket_.write_some(boost::asio::buffer(said_), ignored);
  }
}

void PeerConnection::take_frames(std::string_view frames) {
  while (!frames.empty() && !closed_) {
    const auto frame = take_frame(frames, limits().frame_bytes_max);
    if (!frame) {
      close("sent what is no frame");
      return;
    }
    if (frame->type != PeerFrameType::kHeartbeat && frame->type != PeerFrameType::kWithdrawn) {
      on_frame(*frame);
    }
  }
}

// Writes what is next to leave, unless a write is under way, behind which it will be called again.
void PeerConnection::flush() {
  if (closed_ || writing_) {
    return;
  }
  wire_.clear();
  std::swap(wire_, said_);
  const bool is_more = established() && take_outgoing();
  if (!wire_.empty()) {
    write();
  }
  if (is_more && !writing_) {
    boost::asio::post(io_.context(), [self = shared_from_this()] { self->flush(); });  // behind what others ask for
  }
}

// True: more waits, and a flush is due.
bool PeerConnection::take_outgoing() {
  bool is_more = false;
  {
    const std::lock_guard lock(mutex_);
    outgoing_.take(sealing_);
    is_more = !outgoing_.empty();
    flush_due_ = is_more;
  }
  channel_.seal(sealing_, wire_);
  sealing_.clear();
  return is_more;
}

// What is ready nearly always fits into the socket's buffer: one system call and no handler.
void PeerConnection::write() {
  writing_ = true;
  sent_ = std::chrono::steady_clock::now();
  boost::system::error_code error;
  const size_t written = socket_.write_some(boost::asio::buffer(wire_), error);
  if (written == wire_.size() && !error) {
    writing_ = false;  // frames that came meanwhile have posted a flush
    return;
  }
  if (error && error != boost::asio::error::would_block) {
    on_written(error);
    return;
  }
  boost::asio::async_write(
      socket_, boost::asio::buffer(wire_) + written,
      [self = shared_from_this()](const boost::system::error_code& failed, size_t) { self->on_written(failed); });
}

void PeerConnection::on_written(const boost::system::error_code& error) {
  writing_ = false;
  if (closed_) {
    return;
  }
  if (error) {
    close(error.message());
    return;
  }
  flush();
}

void PeerConnection::sweep(SteadyTime now) {
  if (!established()) {
    if (now - began_ > limits().connect_timeout) {
      close("the handshake took too long");
      return;
    }
  } else if (now - heard_ > limits().silence_max) {
    close("nothing was heard for too long");
    return;
  } else if (now - sent_ >= limits().heartbeat_every && !writing_) {
    (void)send({PeerFrameType::kHeartbeat}, 0);
  }
  on_sweep(now);
}

void PeerConnection::close(const std::string& why) {
  if (closed_) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  const auto self = shared_from_this();
  boost::system::error_code ignored;
  socket_.close(ignored);
  io_.release(self);
  on_closed(why);
}

}  // namespace hongbao

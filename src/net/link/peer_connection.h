// One connection between two nodes: a socket, its PeerChannel, and the frames that wait to leave. What server and
// client have in common.
//
// Any thread may `send`. Frames gather in a PeerOutbox, which says what leaves when; the first wakes the PeerIo's
// thread, which seals all small ones that came until it runs and writes them at once. So a committed batch costs one
// wake-up and one write, and so does a burst of calls. Reading is alike: what one read brings is handed on frame by
// frame.
//
// Everything but `send`, `withdraw` and the questions belongs to the PeerIo's thread. The PeerIo owns it until it has
// ended.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "net/link/peer_channel.h"
#include "net/link/peer_frame.h"
#include "net/link/peer_io.h"
#include "net/link/peer_outbox.h"

namespace hongbao {

class PeerConnection : public std::enable_shared_from_this<PeerConnection> {
 public:
  // `expected`: as PeerChannel's.
  PeerConnection(PeerIo& io, boost::asio::ip::tcp::socket socket, PeerRole role, const std::string& expected);
  virtual ~PeerConnection() = default;
  PeerConnection(const PeerConnection&) = delete;
  PeerConnection& operator=(const PeerConnection&) = delete;

  // Queues a frame, also while the connection is still being made. kUnavailable: it has ended; kOverloaded: too much
  // waits. REQUIRES: the payload is within frame_bytes_max.
  std::expected<PeerFramePlace, ErrorCode> send(const PeerFrame& frame, uint64_t flow);
  // True: the frame had not left, and never will. False: it is on its way, or was.
  bool withdraw(const PeerFramePlace& place);

  // Makes the connection, or begins to speak when there is one.
  virtual void open() = 0;
  void sweep(SteadyTime now);
  void flush();
  void close(const std::string& why);
  // As PeerOutbox says. Any thread.
  [[nodiscard]] bool has_too_much_of(uint64_t flow);
  // Frames wait, or are being written.
  [[nodiscard]] bool has_unsent();

 protected:
  // The socket is connected: shake hands, and read.
  void begin();
  virtual void on_frame(const PeerFrame& frame) = 0;
  virtual void on_established() {}
  virtual void on_sweep(SteadyTime /*now*/) {}
  // Ended, for good: nothing more comes, and `send` refuses.
  virtual void on_closed(const std::string& why) = 0;

  [[nodiscard]] PeerIo& io() { return io_; }
  [[nodiscard]] const PeerLimits& limits() const { return io_.limits(); }
  [[nodiscard]] boost::asio::ip::tcp::socket& socket() { return socket_; }
  [[nodiscard]] bool established() const { return channel_.established(); }

 private:
  void read();
  void on_read(const boost::system::error_code& error, size_t bytes);
  void take_frames(std::string_view frames);
  void say_last_words();
  bool take_outgoing();
  void write();
  void on_written(const boost::system::error_code& error);

  PeerIo& io_;
  boost::asio::ip::tcp::socket socket_;
  PeerChannel channel_;
  std::unique_ptr<char[]> input_;
  size_t input_bytes_ = 0;
  std::string said_;  // what the channel itself has still to say
  std::string sealing_;
  std::string wire_;  // is being written
  bool writing_ = false;
  SteadyTime began_;
  SteadyTime heard_;
  SteadyTime sent_;
  std::mutex mutex_;
  // Guarded by mutex_; closed_ is written by the PeerIo's thread only, which may read it without.
  PeerOutbox outgoing_;
  bool flush_due_ = false;  // the thread knows, or will look when it has written
  bool closed_ = false;
};

}  // namespace hongbao

// Calls to one other node, over one connection that is made when a call needs it and made again when it was lost.
//
// Any thread may `call`. `done` is called once, in one of two places: within `call` when it is refused at once, or on
// the PeerIo's thread. It must not block; whoever asks again from within it must pace itself.
//
// What the caller learns when it gets no answer:
//   kUnavailable     the request did not leave: no connection, the deadline passed before, or the PeerIo has stopped.
//   kOverloaded      a limit was reached, here or at the other node; nothing was done.
//   kOutcomeUnknown  it left, and the connection was lost or the deadline passed.
//   kBodyTooLarge    it exceeds frame_bytes_max.
//   kInternal        the other node could not understand it, or could not send its answer.
// An answer is valid while `done` is called.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "net/link/peer_calls.h"
#include "net/link/peer_io.h"

namespace hongbao {

// Held by shared_ptr: its connection keeps it, so that its calls are answered even when nobody else does.
class PeerClient : public std::enable_shared_from_this<PeerClient> {
 public:
  // `node`: its name, which its certificate must have.
  PeerClient(PeerIo& io, std::string node, boost::asio::ip::tcp::endpoint endpoint);

  [[nodiscard]] const std::string& node() const { return node_; }

  // `request` is read during the call only.
  void call(const PeerRequest& request, Done<std::string_view> done);

  // There is no connection, and none is being made.
  [[nodiscard]] bool is_idle();

 private:
  class Link;

  Result<void> send(std::string_view payload, const PeerRequest& request, SteadyTime now, Done<std::string_view>& done);
  Result<void> connect(SteadyTime now);

  // From the link, on the PeerIo's thread.
  void complete(const PeerFrame& response);
  void expire(Link& link, SteadyTime now);
  void lost(Link& link, bool was_established, const std::string& why);

  PeerIo& io_;
  const std::string node_;
  const boost::asio::ip::tcp::endpoint endpoint_;
  std::mutex mutex_;
  // All guarded by mutex_. Calls that wait are always those of link_.
  std::shared_ptr<Link> link_;  // null: none, and none is being made
  PeerCalls calls_;
  SteadyTime reconnect_at_;
  std::chrono::milliseconds reconnect_after_{0};  // 0: the last attempt succeeded
};

}  // namespace hongbao

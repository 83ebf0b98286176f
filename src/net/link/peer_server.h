// Answers the requests of other nodes. Connections live on the PeerIo; the handler is called on its thread, and replies
// may come later and from any thread, in any order. `bind`, `start`, `stop_accepting`, `stop`: the owner.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <unordered_set>

#include "base/result.h"
#include "net/link/peer_io.h"

namespace hongbao {

class PeerServerSession;

class PeerServer {
 public:
  // `io` outlives the server.
  PeerServer(PeerIo& io, PeerHandler handler);
  ~PeerServer();
  PeerServer(const PeerServer&) = delete;
  PeerServer& operator=(const PeerServer&) = delete;

  // As listen_at (net/listen.h).
  Result<std::string> bind(const std::string& listen);
  // Serves. REQUIRES: bound.
  void start();

  void stop_accepting();
  // Ends all its connections at once; the handler is not called any more.
  void stop();

  // Requests that were taken and not answered yet, or answers not written yet.
  [[nodiscard]] bool owes_answers();

 private:
  friend class PeerServerSession;

  void accept();
  void accept_after_pause();

  PeerIo& io_;
  const PeerHandler handler_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer accept_pause_;
  std::unordered_set<PeerServerSession*> sessions_;  // the PeerIo's thread
};

}  // namespace hongbao

// Answers the requests of other nodes. Connections live on the PeerIo; the handler is called on its thread, and replies
// may come later and from any thread, in any order. `bind`, `start`, `stop_accepting`, `stop`: the owner.
//
// Whoever has not proved to be a node takes no place of a node's: such connections are counted apart, and
// when there are too many, in all or from one address, the oldest of them makes room for the new one. A node needs a
// moment to prove itself, so it gets in while strangers come and stay. Handshakes of one address are so many in a
// second: they cost the time of the thread that carries everybody's calls.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
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
  [[nodiscard]] size_t nodes() const { return sessions_.size() - unproven_.size(); }
  bool may_shake_hands(const boost::asio::ip::address& from);
  void make_room(const boost::asio::ip::address& from);

  PeerIo& io_;
  const PeerHandler handler_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer accept_pause_;
  // The PeerIo's thread.
  std::unordered_set<PeerServerSession*> sessions_;
  std::list<PeerServerSession*> unproven_;                   // of them; the oldest first
  std::map<boost::asio::ip::address, uint32_t> handshakes_;  // that were begun since handshakes_since_
  SteadyTime handshakes_since_;
};

}  // namespace hongbao

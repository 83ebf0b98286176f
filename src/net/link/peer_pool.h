// The other nodes by address: a PeerClient for each that was ever called, up to peers_max. When there are more, one
// that is not connected is forgotten. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "net/link/peer_client.h"

namespace hongbao {

class PeerPool {
 public:
  // `io` outlives the pool.
  explicit PeerPool(PeerIo& io) : io_(io) {}

  // As PeerClient::call. kUnavailable as well when the node's address is none, and kOverloaded when peers_max nodes are
  // connected.
  void call(const PeerNode& node, const PeerRequest& request, Done<std::string_view> done);

  [[nodiscard]] size_t size();

 private:
  Result<std::shared_ptr<PeerClient>> client_of(const PeerNode& node);
  void make_room();

  PeerIo& io_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<PeerClient>> clients_;  // guarded by mutex_
};

}  // namespace hongbao

#include "net/link/peer_pool.h"

#include <algorithm>

#include "net/listen.h"

namespace hongbao {

void PeerPool::call(const PeerNode& node, const PeerRequest& request, Done<std::string_view> done) {
  auto client = client_of(node);
  if (!client) {
    done(std::unexpected(std::move(client.error())));
    return;
  }
  (*client)->call(request, std::move(done));
}

Result<std::shared_ptr<PeerClient>> PeerPool::client_of(const PeerNode& node) {
  const std::lock_guard lock(mutex_);
  if (const auto known = clients_.find(node.address); known != clients_.end()) {
    if (known->second->node() == node.name) {
      return known->second;
    }
    clients_.erase(known);  // another node lives there now
  }
  const auto endpoint = parse_endpoint(node.address);
  if (!endpoint) {
    return fail(ErrorCode::kUnavailable, "the other node has no address");
  }
  make_room();
  if (clients_.size() >= io_.limits().peers_max) {
    return fail(ErrorCode::kOverloaded, "too many nodes are connected");
  }
  return clients_.emplace(node.address, std::make_shared<PeerClient>(io_, node.name, *endpoint)).first->second;
}

// A client that is forgotten answers the calls that it has all the same: its connection keeps it.
void PeerPool::make_room() {
  if (clients_.size() < io_.limits().peers_max) {
    return;
  }
  const auto idle = std::ranges::find_if(clients_, [](const auto& entry) { return entry.second->is_idle(); });
  if (idle != clients_.end()) {
    clients_.erase(idle);
  }
}

size_t PeerPool::size() {
  const std::lock_guard lock(mutex_);
  return clients_.size();
}

}  // namespace hongbao

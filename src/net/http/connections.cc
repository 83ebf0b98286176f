#include "net/http/connections.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr size_t kNetworkBytes = 8;  // of an IPv6 address

}  // namespace

boost::asio::ip::address client_of(const boost::asio::ip::address& address) {
  if (address.is_v4()) {
    return address;
  }
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6);
  }
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + kNetworkBytes, bytes.end(), uint8_t{0});
  return boost::asio::ip::address_v6(bytes);
}

HttpConnections::Admission HttpConnections::admit(const boost::asio::ip::address& address) {
  const auto client = client_of(address);
  Admission out;
  const std::lock_guard lock(mutex_);
  Client& of_client = clients_[client];
  out.is_of_address = !is_proxy(client) && of_client.places.size() >= limits_.address_max;
  if (out.is_of_address || all_.size() >= limits_.all_max) {
    Place* const leaving = leaving_ >= kLeavingMax ? nullptr
                           : out.is_of_address     ? longest_idle(of_client.places, of_client.next)
                                                   : longest_idle(all_, next_);
    if (leaving == nullptr) {
      if (of_client.places.empty()) {
        clients_.erase(client);
      }
      return out;
    }
    forget(*leaving);
    leaving->is_leaving_ = true;
    ++leaving_;
    out.make_room = std::exchange(leaving->end_, nullptr);
  }
  out.place = std::make_unique<Place>(*this, client);
  Client& mine = clients_[client];  // it may have gone with the one that leaves
  out.place->at_ = all_.size();
  out.place->at_in_client_ = mine.places.size();
  all_.push_back(out.place.get());
  mine.places.push_back(out.place.get());
  return out;
}

void HttpConnections::set_end(Place& place, std::function<void()> end) {
  const std::lock_guard lock(mutex_);
  place.end_ = std::move(end);
}

size_t HttpConnections::size() const {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

void HttpConnections::leave(Place& place) {
  const std::lock_guard lock(mutex_);
  if (place.is_leaving_) {
    --leaving_;
  } else {
    forget(place);
  }
}

void HttpConnections::forget(Place& place) {
  const auto client = clients_.find(place.client_);
  CHECK(client != clients_.end());
  List& places = client->second.places;
  places.back()->at_in_client_ = place.at_in_client_;
  std::swap(places[place.at_in_client_], places.back());
  places.pop_back();
  if (places.empty()) {
    clients_.erase(client);
  }
  all_.back()->at_ = place.at_;
  std::swap(all_[place.at_], all_.back());
  all_.pop_back();
}

HttpConnections::Place* HttpConnections::longest_idle(const List& places, size_t& next) {
  Place* found = nullptr;
  auto since = Place::kBusy;
  for (size_t i = std::min(places.size(), kLookedAt); i > 0; --i) {
    next = next + 1 < places.size() ? next + 1 : 0;
    const auto idle_since = places[next]->idle_since_.load(std::memory_order_relaxed);
    if (idle_since < since && places[next]->end_) {
      found = places[next];
      since = idle_since;
    }
  }
  return found;
}

}  // namespace hongbao

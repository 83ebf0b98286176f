#include "net/http/owed_bytes.h"

namespace hongbao {

OwedBytes::Account::Account(OwedBytes& in, const std::optional<boost::asio::ip::address>& client)
    : in_(in), client_(client), of_client_(client ? in.open(*client) : nullptr) {}

OwedBytes::Account::~Account() {
  clear();
  if (of_client_ != nullptr) {
    in_.close(*client_);
  }
}

OwedBytes::Client* OwedBytes::open(const boost::asio::ip::address& address) {
  const std::lock_guard lock(mutex_);
  Client& client = clients_[address];
  ++client.accounts;
  return &client;
}

void OwedBytes::close(const boost::asio::ip::address& address) {
  const std::lock_guard lock(mutex_);
  if (const auto found = clients_.find(address); --found->second.accounts == 0) {
    clients_.erase(found);
  }
}

OwedBytes::Room OwedBytes::Account::room_for(int64_t bytes) const {
  const Limits& limits = in_.limits_;
  const int64_t part = bytes > kLargeAnswer ? 2 : 1;
  const bool others_leave_room = in_.all_ + bytes <= limits.all_max / part &&
                                 (of_client_ == nullptr || of_client_->bytes + bytes <= limits.address_max / part);
  if (mine_ == 0) {
    return others_leave_room ? Room::kYes : Room::kNo;
  }
  return others_leave_room && mine_ + bytes <= limits.connection_max ? Room::kYes : Room::kLater;
}

void OwedBytes::Account::add(int64_t bytes) {
  mine_ += bytes;
  in_.all_ += bytes;
  if (of_client_ != nullptr) {
    of_client_->bytes += bytes;
  }
}

}  // namespace hongbao

// Who is connected to a server: how many connections there are, how many of one address, and which one goes when a
// limit is reached: one that is owed nothing and has been so for longest, or there is none and the newcomer is refused.
// So whoever holds connections without using them can't keep others out.
//
// The longest-idle one is looked for among kLookedAt connections at most, in turn: exact for few, near enough for many.
// An address is that of an IPv4 host, or an IPv6 network of 64 bits, of which one host may have all.
//
// Any thread. It outlives its places.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"

namespace hongbao {

// One key for all that one client may call its own.
boost::asio::ip::address client_of(const boost::asio::ip::address& address);

class HttpConnections {
 public:
  static constexpr size_t kLookedAt = 64;
  // Connections that were asked to end and have not yet; they count no more. Above it newcomers are refused.
  static constexpr size_t kLeavingMax = 64;

  struct Limits {
    uint32_t all_max = 0;
    uint32_t address_max = 0;
    std::set<boost::asio::ip::address> proxies{};  // each carries many clients: without a limit of its own
  };

  // A connection's, from its acceptance to its end.
  class Place {
   public:
    Place(HttpConnections& connections, boost::asio::ip::address client)
        : in_(connections), client_(std::move(client)) {}
    ~Place() { in_.leave(*this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Whose limits hold for it; nullopt: a proxy's, which has none of its own.
    [[nodiscard]] std::optional<boost::asio::ip::address> limited_client() const {
      return in_.is_proxy(client_) ? std::nullopt : std::optional(client_);
    }
    // Any thread.
    void set_idle(SteadyTime since) { idle_since_.store(since.time_since_epoch().count(), std::memory_order_relaxed); }
    void set_busy() { idle_since_.store(kBusy, std::memory_order_relaxed); }

   private:
    friend class HttpConnections;
    static constexpr SteadyTime::rep kBusy = SteadyTime::max().time_since_epoch().count();

    HttpConnections& in_;
    const boost::asio::ip::address client_;
    std::atomic<SteadyTime::rep> idle_since_{kBusy};
    std::function<void()> end_;  // guarded by in_.mutex_, as is all that follows
    bool is_leaving_ = false;
    size_t at_ = 0;            // in all_
    size_t at_in_client_ = 0;  // in its client's list
  };

  explicit HttpConnections(Limits limits) : limits_(std::move(limits)) {}

  struct Admission {
    std::unique_ptr<Place> place;       // null: refused
    std::function<void()> make_room{};  // empty, or asks another connection to end
    bool is_of_address = false;         // the limit that was reached: one address's, or that of all
  };
  Admission admit(const boost::asio::ip::address& address);
  // From now on the connection may be asked to end, with `end`; no lock is held then.
  void set_end(Place& place, std::function<void()> end);

  [[nodiscard]] size_t size() const;

 private:
  using List = std::vector<Place*>;
  struct Client {
    List places;
    size_t next = 0;  // where to look for idle ones
  };

  [[nodiscard]] bool is_proxy(const boost::asio::ip::address& client) const { return limits_.proxies.contains(client); }
  void leave(Place& place);
  // Takes it out of both lists. Locked.
  void forget(Place& place);
  static Place* longest_idle(const List& places, size_t& next);

  const Limits limits_;
  mutable std::mutex mutex_;
  List all_;  // guarded by mutex_, as is all that follows
  size_t next_ = 0;
  std::map<boost::asio::ip::address, Client> clients_;
  size_t leaving_ = 0;
};

}  // namespace hongbao

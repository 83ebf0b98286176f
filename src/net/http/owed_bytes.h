// Bytes of answers that clients have not taken yet, of one I/O thread's connections: those that are printed, and, of
// requests that are being answered, those that their answers are expected to have. Bounded for each connection, for
// each client's address, and in all.
//
// A connection that is owed something waits with its next request until there is room. One that is owed nothing is
// refused that request, for nothing of its own would ever make room. Large answers may fill half of what a client or
// all have, so that somebody's long lists leave room for everybody's small answers.
//
// An account belongs to its connection's thread, but may be opened and closed by any. It outlives its accounts.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace hongbao {

class OwedBytes {
 public:
  static constexpr int64_t kLargeAnswer = 16 * 1024;

  struct Limits {
    int64_t connection_max = 0;
    int64_t address_max = 0;  // of this thread's connections
    int64_t all_max = 0;      // of this thread's connections
  };

  enum class Room : uint8_t { kYes, kLater, kNo };

  struct Client {
    std::atomic<int64_t> bytes{0};
    uint32_t accounts = 0;  // guarded by mutex_
  };

  // A connection's.
  class Account {
   public:
    // `client`: nullopt for a proxy, which has no limit as an address.
    Account(OwedBytes& in, const std::optional<boost::asio::ip::address>& client);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // For an answer of about so many bytes.
    [[nodiscard]] Room room_for(int64_t bytes) const;
    void add(int64_t bytes);
    void take(int64_t bytes) { add(-bytes); }
    void clear() { add(-mine_); }

   private:
    OwedBytes& in_;
    const std::optional<boost::asio::ip::address> client_;
    Client* const of_client_;  // null for a proxy
    int64_t mine_ = 0;
  };

  explicit OwedBytes(Limits limits) : limits_(limits) {}
  [[nodiscard]] int64_t all() const { return all_; }

 private:
  Client* open(const boost::asio::ip::address& address);
  void close(const boost::asio::ip::address& address);

  const Limits limits_;
  std::atomic<int64_t> all_{0};
  std::mutex mutex_;
  std::map<boost::asio::ip::address, Client> clients_;  // those that have accounts; guarded by mutex_
};

}  // namespace hongbao

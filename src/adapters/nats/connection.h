// A connection to NATS with JetStream that comes back by itself: it is made in the background, may not be there yet,
// and is made again for ever, unless the server stops to take who this process says it is (`nats_closed` in the log).
//
// Threads: any, but any use may wait for a second while the library tries to reach a server that is frozen.
#pragma once

#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <string>

#include "base/engine_tls.h"
#include "base/result.h"

namespace hongbao::nats {

struct Server {
  std::string url;     // nats:// or tls://; several with commas between
  std::string user{};  // with `password`; empty: none is given
  std::string password{};
  std::string credentials_file{};  // what `nsc` made; instead of a user
  EngineTls tls{};
};

struct Destroy {
  void operator()(natsConnection* connection) const { natsConnection_Destroy(connection); }
  void operator()(jsCtx* context) const { jsCtx_Destroy(context); }
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
  void operator()(natsSubscription* subscription) const;  // takes some milliseconds
  void operator()(kvStore* store) const { kvStore_Destroy(store); }
  void operator()(jsConsumerInfo* info) const { jsConsumerInfo_Destroy(info); }
  void operator()(jsStreamInfo* info) const { jsStreamInfo_Destroy(info); }
  void operator()(natsStatistics* statistics) const { natsStatistics_Destroy(statistics); }
};
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

// What the library calls, with an out parameter, as a value. nullptr when it fails; `status` says why.
template <class T, class Call>
Owned<T> make(Call call, natsStatus* status = nullptr) {
  T* made = nullptr;
  const natsStatus outcome = call(&made);
  if (status != nullptr) {
    *status = outcome;
  }
  return Owned<T>(made);
}

class Connection {
 public:
  // `name` tells its log lines apart, and lives as long as the connection. kConfig: the URL can't be one, or a server
  // that is there won't have this process, or is not believed by it; the field is the setting to look at.
  static Result<std::unique_ptr<Connection>> open(const Server& server, const char* name);
  // Returns after the connection's last event was logged: the library calls back on a thread of its own, and a process
  // that ends meanwhile has no log any more.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] natsConnection* get() const { return connection_.get(); }
  // Changes with every reconnection, which loses what was asked for and not answered.
  [[nodiscard]] uint64_t generation() const;
  [[nodiscard]] bool is_connected() const { return natsConnection_Status(get()) == NATS_CONN_STATUS_CONNECTED; }

 private:
  struct End {
    const char* connection;  // its name
    std::atomic<bool> is_wanted = false;
    std::latch has_come{1};
  };

  explicit Connection(const char* name) : end_(new End{.connection = name}) {}
  // What the library calls after the last event.
  static void on_closed(natsConnection* connection, void* closure);
  natsStatus connect(natsOptions* options);

  Owned<natsConnection> connection_;
  const std::shared_ptr<End> end_;
};

// Of one request to JetStream.
inline constexpr std::chrono::milliseconds kRequestTimeout{2'000};

}  // namespace hongbao::nats

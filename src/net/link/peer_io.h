// The one thread of the links between nodes, and what they share: its io_context, its limits and who this node is. It
// owns every connection, whether a PeerServer or a PeerClient made it, until that has ended, and sweeps them for
// deadlines, heartbeats and silence. One thread is cheapest: frames gather while it is busy, and leave together.
//
// Runs from construction to `stop`. Servers and clients are destroyed before it, and it outlives every reply.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "net/link/peer_identity.h"
#include "net/link/peer_types.h"

namespace hongbao {

class PeerConnection;

class PeerIo {
 public:
  PeerIo(PeerIdentity self, PeerLimits limits);
  ~PeerIo();
  PeerIo(const PeerIo&) = delete;
  PeerIo& operator=(const PeerIo&) = delete;

  // Sends what is ready, ends all connections and with them every call, and then the thread. Not from that thread.
  void stop();

  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  [[nodiscard]] const PeerLimits& limits() const { return limits_; }
  [[nodiscard]] const std::string& domain() const { return domain_; }
  // What new connections are made from. Any thread.
  [[nodiscard]] PeerTls tls();
  // From now on; connections that stand stay as they are. Any thread.
  void use(PeerTls tls);

  // Runs `task` on the thread and waits for it. False: stopped, and it does not run. Any other thread.
  bool run(const std::function<void()>& task);

  // Runs `task` on the thread at that time, or tells it, on whatever thread, that the time does not come because this
  // stops. Any thread.
  void run_at(SteadyTime at, std::move_only_function<void(bool in_time)> task);

  // Has the thread `keep` the connection. False: stopped. Any thread.
  bool adopt(const std::shared_ptr<PeerConnection>& connection);
  // This thread: opens the connection, and owns it until it has ended.
  void keep(const std::shared_ptr<PeerConnection>& connection);
  void release(const std::shared_ptr<PeerConnection>& connection) { connections_.erase(connection); }

 private:
  // False after `stop` began: nothing that is posted is lost.
  bool post(std::function<void()> task);
  void sweep();
  void end_all();
  struct Appointment;

  const std::string domain_;
  const PeerLimits limits_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  boost::asio::steady_timer sweeper_{context_};
  std::unordered_set<std::shared_ptr<PeerConnection>> connections_;  // the thread's
  std::mutex mutex_;
  PeerTls tls_;                                                    // guarded by mutex_
  bool stopping_ = false;                                          // guarded by mutex_
  std::unordered_set<std::shared_ptr<Appointment>> appointments_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace hongbao

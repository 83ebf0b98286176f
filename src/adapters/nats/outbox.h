// What followers say to the server (acknowledgements, pulls), said by a thread of its own: any call into the library
// waits for the connection's lock, and the library keeps that for a second at a time while it tries to reach a server
// that is frozen. Followers must not wait with it.
//
// Threads: any.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "base/mailbox.h"

namespace hongbao::nats {

class Outbox {
 public:
  using Action = std::move_only_function<void()>;

  Outbox();
  // REQUIRES: stopped. Whoever still holds a share may be a thread of the library.
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // In order. Their number is bounded by the messages they speak of. Ignored once it was stopped.
  void post(Action action) { (void)waiting_.push(action); }
  // Does what waits, begins nothing after `limit`, and ends the thread.
  void stop(std::chrono::milliseconds limit);

 private:
  void run();

  Mailbox<Action> waiting_{SIZE_MAX};
  std::atomic<std::chrono::steady_clock::time_point> give_up_at_{std::chrono::steady_clock::time_point::max()};
  std::thread thread_;
};

}  // namespace hongbao::nats

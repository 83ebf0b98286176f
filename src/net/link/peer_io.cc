#include "net/link/peer_io.h"

#include <boost/asio/post.hpp>
#include <future>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/thread.h"
#include "net/link/peer_connection.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kSweepEvery{20};  // how late a deadline may be noticed

}  // namespace

struct PeerIo::Appointment {
  boost::asio::steady_timer timer;
  std::move_only_function<void(bool)> task;
};

PeerIo::PeerIo(PeerIdentity self, PeerLimits limits)
    : domain_(std::move(self.domain)), limits_(limits), tls_(std::move(self.tls)) {
  CHECK(limits_.frame_bytes_max < limits_.outgoing_bytes_max);
  thread_ = std::thread([this] {
    name_this_thread("peers");
    sweep();
    context_.run();
  });
}

PeerTls PeerIo::tls() {
  const std::lock_guard lock(mutex_);
  return tls_;
}

void PeerIo::use(PeerTls tls) {
  const std::lock_guard lock(mutex_);
  tls_ = std::move(tls);
}

PeerIo::~PeerIo() {
  stop();
}

void PeerIo::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) {
      return;
    }
  }
  boost::asio::post(context_, [this] {
    end_all();
    context_.stop();
  });
  thread_.join();
  // Nobody adds to them any more.
  for (const auto& missed : std::exchange(appointments_, {})) {
    std::exchange(missed->task, nullptr)(false);
  }
}

void PeerIo::run_at(SteadyTime at, std::move_only_function<void(bool)> task) {
  auto made = std::make_shared<Appointment>(boost::asio::steady_timer(context_, at), std::move(task));
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      made->timer.async_wait([this, made](const boost::system::error_code&) {
        {
          const std::lock_guard here(mutex_);
          appointments_.erase(made);
        }
        std::exchange(made->task, nullptr)(true);
      });
      appointments_.insert(std::move(made));
      return;
    }
  }
  made->task(false);
}

bool PeerIo::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return false;
  }
  boost::asio::post(context_, std::move(task));
  return true;
}

bool PeerIo::run(const std::function<void()>& task) {
  std::promise<void> ran;
  const bool posted = post([&] {
    task();
    ran.set_value();
  });
  if (posted) {
    ran.get_future().wait();
  }
  return posted;
}

bool PeerIo::adopt(const std::shared_ptr<PeerConnection>& connection) {
  return post([this, connection] { keep(connection); });
}

void PeerIo::keep(const std::shared_ptr<PeerConnection>& connection) {
  connections_.insert(connection);
  connection->open();
}

void PeerIo::sweep() {
  const auto now = std::chrono::steady_clock::now();
  // A connection that ends leaves the set, so walk a copy.
  const std::vector<std::shared_ptr<PeerConnection>> connections(connections_.begin(), connections_.end());
  for (const auto& connection : connections) {
    connection->sweep(now);
  }
  sweeper_.expires_after(kSweepEvery);
  sweeper_.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      sweep();
    }
  });
}

void PeerIo::end_all() {
  const std::vector<std::shared_ptr<PeerConnection>> connections(connections_.begin(), connections_.end());
  for (const auto& connection : connections) {
    connection->flush();
    connection->close("this node is stopping");
  }
}

}  // namespace hongbao

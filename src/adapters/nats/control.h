// Switches and traffic weights in a key-value bucket of NATS, the same on every node. Each node asks four times a
// second whether the bucket has changed, and reads only what it has here: while the server is away everything stays as
// it was last. A value that was deleted, or can't be read, is what it is at first. A bucket that was lost is made again
// and gets back what its nodes still know.
//
// The library's watcher would tell sooner, but libnats 3.4 touches one after it was destroyed.
//
// Threads: any. Reading a switch is one atomic load; setting one waits for the server.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "adapters/nats/connection.h"
#include "ports/control.h"

namespace hongbao {

struct NatsControlOptions {
  std::string url;
  std::string bucket = "hongbao_control";
  int replicas = 0;
  TrafficWeights traffic;  // until another is set
};

class NatsControl final : public Control {
 public:
  // Connects in the background; everything is on until the bucket says otherwise. kConfig: the URL can't be one.
  static Result<std::unique_ptr<NatsControl>> open(NatsControlOptions options);
  ~NatsControl() override;

  [[nodiscard]] bool is_on(Switch which) const override {
    return !off_[static_cast<size_t>(which)].load(std::memory_order_relaxed);
  }
  Result<void> set(Switch which, bool on) override;
  [[nodiscard]] TrafficWeights traffic() const override;
  Result<void> set_traffic(const TrafficWeights& weights) override;
  // The server is connected, and has the bucket. Any thread; may wait for a second.
  [[nodiscard]] bool is_available() const { return connection_->is_connected() && is_available_.load(); }

 private:
  NatsControl(NatsControlOptions options, std::unique_ptr<nats::Connection> connection);

  // When the bucket was made, and the revision in it: what is newer counts, whichever way it came here.
  using Version = std::pair<int64_t, uint64_t>;

  nats::Owned<kvStore> open_bucket();
  nats::Owned<jsStreamInfo> bucket_info();
  Result<void> put(const std::string& key, const std::string& value);
  // nullopt: it was deleted.
  void take(const std::string& key, const std::optional<std::string>& value, Version version);
  void take_switch(Switch which, bool on);

  // The watching thread's.
  void watch_loop();
  // Takes what the bucket has, unless it is as it was `seen`.
  bool look(kvStore& bucket, Version& seen);
  bool read(kvStore& bucket, const std::string& key, int64_t made_at);
  void give_back(kvStore& bucket, const std::string& key);
  void report(bool is_available);
  void pause();
  [[nodiscard]] bool is_stopping() const { return stopping_.load(); }

  const NatsControlOptions options_;
  const std::string stream_;  // which the bucket is
  std::unique_ptr<nats::Connection> connection_;
  nats::Owned<jsCtx> context_;
  std::array<std::atomic<bool>, kSwitches> off_{};  // false: on
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  TrafficWeights traffic_;                   // guarded by mutex_
  std::map<std::string, Version> versions_;  // of what was taken; guarded by mutex_
  std::atomic<bool> is_available_ = true;
  std::atomic<bool> stopping_{false};
  std::thread watcher_;
};

}  // namespace hongbao

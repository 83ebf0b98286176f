// Switches and traffic weights in a key-value bucket of NATS, the same on every node. Each node asks four times a
// second whether the bucket has changed, and reads only what it has here: while the server is away everything stays as
// it was last.
//
// Nobody who can write to the bucket is trusted: an entry counts with its MAC (core/control_entry.h), and with a
// version above what the node has. Anything else that is in its place — changed, older, deleted, or nothing, because
// the bucket was lost — gives way to what the node has. What only nodes knew that have all ended is gone: everything is
// then as the bucket says, or as at first.
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
#include "base/clock.h"
#include "core/control_entry.h"
#include "ports/control.h"

namespace hongbao {

struct NatsControlOptions {
  nats::Server server;
  std::string bucket = "hongbao_control";
  int replicas = 0;
  TrafficWeights traffic;          // until another is set
  Subkeys<Key256> keys{Key256{}};  // of the entries' MAC: all nodes have the same
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

  // When the bucket was made, and the number of the last change in it.
  using BucketState = std::pair<int64_t, uint64_t>;
  // What the bucket has under a name.
  struct Stored {
    uint64_t number = 0;  // 0: nothing ever was there
    std::optional<ControlEntry> entry{};
  };

  nats::Owned<kvStore> open_bucket();
  nats::Owned<jsStreamInfo> bucket_info();
  // nullopt: the server does not answer.
  std::optional<Stored> read(const std::string& name);
  // False: something else is there than was read, or the server does not answer.
  bool write(kvStore& bucket, const std::string& name, const Stored& over, const ControlEntry& entry);
  Result<void> put(const std::string& name, const std::string& value);
  // Once it counts. False: what this node has is newer.
  bool take(const std::string& name, const ControlEntry& entry);
  [[nodiscard]] ControlEntry known(const std::string& name) const;
  // What can't be read was written by a node of another release, and is as at first. REQUIRES: the mutex is held.
  void apply(const std::string& name, const std::string& value);
  void apply_switch(Switch which, bool on);

  // The watching thread's.
  void watch_loop();
  // Takes what the bucket has, unless it is as it was `seen`, and puts right what does not count. False: the bucket is
  // not there, or the server does not answer.
  bool look(kvStore& bucket, BucketState& seen);
  // False likewise. Sets `is_put_back` to false when what does not count could not be put right.
  bool look_at(kvStore& bucket, const std::string& name, bool& is_put_back);
  void report(bool is_available);
  void pause();
  [[nodiscard]] bool is_stopping() const { return stopping_.load(); }

  const NatsControlOptions options_;
  const ControlEntryCodec codec_;
  const std::string stream_;  // which the bucket is
  std::unique_ptr<nats::Connection> connection_;
  nats::Owned<jsCtx> context_;
  std::array<std::atomic<bool>, kSwitches> off_{};  // false: on
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  TrafficWeights traffic_;                       // guarded by mutex_
  std::map<std::string, ControlEntry> entries_;  // what counts, by name; guarded by mutex_
  std::atomic<bool> is_available_ = true;
  std::atomic<bool> stopping_{false};
  std::thread watcher_;
};

}  // namespace hongbao

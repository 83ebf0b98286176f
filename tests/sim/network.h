// The links between processes, and the pauses of their forwarders. What a process sends is on its way until chance
// brings it to the node, and so is the answer; a link is down, or breaks before, while or after a call is carried out.
// As with the real link, whoever asked is told kUnavailable for what never left and kOutcomeUnknown for what did, and a
// call may still arrive when it was told that. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "routing/forwarder.h"
#include "sim/environment.h"

namespace hongbao::sim {

class Process;

// Who runs, as the network sees it.
class Hosts {
 public:
  virtual ~Hosts() = default;
  // The node's latest process; null when it has none. It may be stopped.
  virtual Process* find_node(const std::string& node) = 0;
  // Plays `act` in that process. False: it can't act now.
  virtual bool play_at(uint64_t process, const std::function<void(Process&)>& act) = 0;
};

class Network {
 public:
  Network(Environment& env, Hosts& hosts) : env_(env), hosts_(hosts) {}

  // One process's part of it.
  class Port final : public NodeLink, public RetryTimer {
   public:
    Port(Network& network, uint64_t process) : network_(network), process_(process) {}
    void call(const Member& node, std::string_view call, uint64_t /*flow*/, SteadyTime deadline,
              Done<std::string_view> done) override {
      network_.send(process_, node.node, call, deadline, std::move(done));
    }
    void run_at(SteadyTime at, std::move_only_function<void(bool)> task) override {
      network_.pauses_.emplace(network_.next_++, Pause{process_, at, std::move(task)});
    }

   private:
    Network& network_;
    const uint64_t process_;
  };

  // Something is on its way, or a pause may be over.
  [[nodiscard]] bool is_busy() const { return !sent_.empty() || !pauses_.empty(); }
  // Something arrives, or is lost, or a pause ends.
  void step();
  // The process is gone.
  void lose(uint64_t process);
  // Of the answer that is being told: another process had the name of the node that gave it.
  [[nodiscard]] bool answerer_shares_name() const { return answerer_shares_name_; }

 private:
  enum class Stage : uint8_t { kOnItsWay, kArrived, kAnswered };
  struct Sent {
    uint64_t from;
    std::string node;
    std::string call;
    SteadyTime deadline;
    Done<std::string_view> done;  // null: told already
    Stage stage = Stage::kOnItsWay;
    uint64_t at = 0;  // the process that it arrived at
    std::string answer{};
    bool answerer_shares_name = false;
  };
  struct Pause {
    uint64_t process;
    SteadyTime at;
    std::move_only_function<void(bool)> task;
  };

  void send(uint64_t from, const std::string& node, std::string_view call, SteadyTime deadline,
            Done<std::string_view> done);
  void move_on(uint64_t id, Sent& sent);
  void arrive(uint64_t id, Sent& sent);
  void answered(uint64_t id, const Process& by, const Result<PacketAnswer>& answer);
  // Whoever asked is told, when it can act; until then nothing changes.
  bool tell(Sent& sent, const Result<std::string_view>& what);
  void end_pause(uint64_t id);

  Environment& env_;
  Hosts& hosts_;
  uint64_t next_ = 1;
  std::map<uint64_t, Sent> sent_;
  std::map<uint64_t, Pause> pauses_;
  bool answerer_shares_name_ = false;
};

}  // namespace hongbao::sim

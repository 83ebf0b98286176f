// The workload: senders who deposit, send and pay, a channel that notifies, takers who grab and open. Like real clients
// they ask again when an answer is lost, unknown or "not now", and sometimes give up after an answer which says that
// nothing took effect. What they are told goes into the Record. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "sim/calls.h"
#include "sim/process.h"
#include "sim/record.h"

namespace hongbao::sim {

class Callers {
 public:
  Callers(Environment& env, const Engines& engines, const Network& network);

  // One caller begins something or asks again, at `entry`, whoever owns the packet; `at` plays the call there.
  using At = std::function<void(const std::function<void(Process&)>& call)>;
  void step(const Process& entry, const At& at);
  void lose(uint64_t process) { calls_.lose(process); }
  // It is stopped: some of those that wait for it ask elsewhere, while their calls still stand.
  void grow_impatient(uint64_t process);

  using Told = Record;
  [[nodiscard]] Told told() const { return record_; }
  // The stores are what they were when `told` was everything: what was told later does not hold, and what was asked
  // since the beginning is asked again. Nobody waits for an answer.
  void go_back(const Told& told);

  // No more beginnings, and nobody gives up: everything that is in doubt is asked again until it is told.
  // Nobody asks any more, until `finish`: then those who gave up in doubt ask once more.
  void rest() { resting_ = true; }
  void finish() {
    resting_ = false;
    finishing_ = true;
  }
  [[nodiscard]] bool finished() const;
  // For a report of what hangs.
  [[nodiscard]] size_t waiting() const { return calls_.waiting(); }

  [[nodiscard]] const Record& record() const { return record_; }
  [[nodiscard]] const std::vector<UserId>& users() const { return users_; }

 private:
  enum class Kind : uint8_t { kDeposit, kSend, kPay, kNotify, kOpen };
  enum class Stage : uint8_t { kReady, kWaiting, kPaused, kOver };  // paused: until the end of the run
  struct Task {
    Kind kind;
    Stage stage = Stage::kReady;
    DepositRecord* deposit = nullptr;
    PacketRecord* packet = nullptr;
    ChannelPaymentRecord* payment = nullptr;
    UserId user{};
    SendRequest request{};
    std::string key{};     // send: the idempotency key
    std::string ticket{};  // open
    bool waits_for_payment = false;
    SteadyTime not_before{};
    uint64_t not_in_process = 0;  // notify: wait for a restart
    uint64_t at_process = 0;      // asked last
  };

  void begin_packet();
  void deposit(Process& process, Task& task);
  void send(Process& process, Task& task);
  void pay(Process& process, Task& task);
  void notify(Process& process, Task& task);
  void grab(Process& process, Task& task);
  void open(Process& process, Task& task);
  void ask(Process& process, Task& task);
  // Asks `entry` for `what`, wherever its packet is; `answered` gets what was told, or nullopt when `entry` is gone.
  template <class What, class Answered>
  void bring(Process& entry, What what, Answered answered);
  void expect_a_reason(const Process& entry, const Error& error, SteadyTime asked_until);

  [[nodiscard]] bool cache_remembers() const;
  void sent(const Task& task, const PreOrder& made);
  void add_notification(PacketRecord& packet, ChannelPaymentRecord& payment, uint64_t process);
  // What must not be answered to somebody who was told more before asking.
  struct Known {
    bool share = false;
    bool paid = false;
  };
  [[nodiscard]] Known known_to(const Task& task) const;
  [[nodiscard]] bool answerer_has_seen_all() const;
  void expect_opened(const Task& task, const Known& known);
  void told_of_none(Task& task);
  void expect_no_denial(const Task& task, const Known& known, std::optional<ErrorCode> error);
  void told_share(Task& task, const Share& share);
  // Ready again, paused or given up, after an answer that did not settle it.
  template <class T>
  void not_yet(Task& task, Asked& asked, const std::optional<Result<T>>& answer);
  [[nodiscard]] bool may_run(const Task& task, const Process& process) const;
  [[nodiscard]] bool payments_over() const;
  [[nodiscard]] SteadyTime deadline();
  SendRequest some_request();
  const UserId& somebody() { return users_[env_.dice.below(users_.size())]; }

  Environment& env_;
  const Engines& engines_;
  const Network& network_;
  Calls calls_;
  Record record_;
  std::vector<UserId> users_;
  std::deque<Task> tasks_;
  std::map<std::string, std::set<PacketKey>> sent_;  // what an idempotency key gave
  std::map<PacketKey, std::string> given_;           // every packet that was ever told of, with its pay token
  uint32_t packets_begun_ = 0;
  uint64_t next_name_ = 1;
  bool resting_ = false;
  bool finishing_ = false;
  bool answerer_shares_name_ = false;  // of the answer that is being told: with a process of the same node
};

template <class What, class Answered>
void Callers::bring(Process& entry, What what, Answered answered) {
  using Answer = typename What::Answer;
  const SteadyTime until = deadline();
  entry.forwarder.bring(
      {std::move(what), until},
      [this, &entry, until, done = calls_.open<Answer>(entry.number(), std::move(answered))](Brought brought) mutable {
        answerer_shares_name_ = brought.owner.empty() ? entry.shares_name() : network_.answerer_shares_name();
        if (brought.answer) {
          done(std::move(std::get<Answer>(*brought.answer)));
        } else {
          expect_a_reason(entry, brought.answer.error(), until);
          done(std::unexpected(std::move(brought.answer.error())));
        }
      });
}

template <class T>
std::optional<ErrorCode> error_of(const std::optional<Result<T>>& answer) {
  return answer && !*answer ? std::optional((*answer).error().code) : std::nullopt;
}

template <class T>
void Callers::not_yet(Task& task, Asked& asked, const std::optional<Result<T>>& answer) {
  const bool in_doubt = !answer || error_of(answer) == ErrorCode::kOutcomeUnknown;
  asked.in_doubt = asked.in_doubt || in_doubt;
  const bool gives_up = !finishing_ && env_.dice.one_in(8) && task.kind != Kind::kNotify;
  task.stage = !gives_up ? Stage::kReady : asked.in_doubt ? Stage::kPaused : Stage::kOver;
}

}  // namespace hongbao::sim

// Plays every n-th packet of a night on one thread: sends it, pays it, and does what its group does with it. Players
// share nothing but the history file.
//
// What is to be done waits in two agendas: `plan_` by the time the plan gives, `soon_` by the time that answers give
// (opens after grabs, retries). An action leaves its agenda only when a connection is free, so the connections bound
// the requests under way, and waiting shows in the latency, which counts from the planned time. Actions on a packet
// that is not paid yet wait with the packet.
//
// A request that was refused, broken, answered 429 or 5xx is sent again after a pause, the same in every byte that
// matters: sends keep their idempotency key, opens their ticket. It goes on through a server's restart until the night
// is over and kDrain has passed.
//
// `play` runs on the player's thread; `snapshot` may be called from any; the rest before or after `play`.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "apps/load/agenda.h"
#include "apps/load/answer.h"
#include "apps/load/connection.h"
#include "apps/load/history.h"
#include "apps/load/night.h"
#include "apps/load/options.h"
#include "apps/load/session.h"
#include "apps/load/stats.h"

namespace hongbao::load {

inline constexpr std::chrono::seconds kDrain{20};  // after the night, for what is still unanswered
inline constexpr std::chrono::seconds kRequestTimeout{10};
inline constexpr uint16_t kAttemptsMax = 100;

// What all players of a run share; outlives them.
struct Play {
  const Options& options;
  const Night& night;
  const RunRecord& run;                   // names only
  const std::vector<std::string>& heads;  // by user: the end of the request line, Host and Authorization
  const ResolvedAddress& target;
  HistoryFile& history;
};

class Player final : private ConnectionOwner {
 public:
  Player(const Play& play, uint32_t index);

  // Returns when all is answered, or given up.
  void play(SteadyTime start);

  [[nodiscard]] Stats snapshot() const;
  [[nodiscard]] bool finished() const { return finished_; }
  // Moves this player's part into `run`.
  void hand_over(RunRecord& run);

 private:
  struct Action {
    int64_t due_us = 0;
    int64_t intended_us = 0;
    uint32_t packet = 0;
    uint32_t user = 0;
    uint32_t ticket = 0;  // kOpen: index into tickets_
    uint16_t think_ms = 0;
    uint16_t attempts = 0;
    Op op = Op::kSend;
    bool opens = false;
    bool may_have_taken_effect = false;
  };
  static constexpr int64_t kNever = Agenda<Action>::kNever;
  enum class Stage : uint8_t { kPlanned, kSent, kActive, kDropped };
  // What is needed of a packet only until it is paid.
  struct Live {
    Stage stage = Stage::kPlanned;
    uint64_t number = 0;
    std::string pay_token;
    std::vector<Action> waiting;
  };

  void on_exchange_ended(Connection& connection, Ending ending, const Answer& answer) override;

  [[nodiscard]] int64_t now_us() const;
  void dispatch();
  void unfold_sends(int64_t now_us);
  void unfold(uint64_t number);
  bool take_next(int64_t now_us, Action& out);
  [[nodiscard]] bool may_start(const Action& action) const;
  void start(Connection& connection, Action action, int64_t now_us);
  void arm_timer(int64_t at_us);
  void tick();
  void publish();
  [[nodiscard]] bool done(int64_t now_us) const;
  void give_up_all();

  void write_request(std::string& out, const Action& action);

  void on_answer(Action action, const Answer& answer);
  void on_sent(const Action& action, const boost::json::object& body);
  void on_paid(const Action& action);
  void on_grabbed(const Action& action, const boost::json::object& body);
  void on_opened(const Action& action, const boost::json::object& body, int64_t latency_us);
  void note_share(const Action& action, Outcome outcome, const boost::json::object& body);
  void on_rejected(const Action& action, const Answer& answer);
  void retry(Action action, int64_t pause_us);
  void give_up(const Action& action);
  void abandon(const Action& action);
  void drop_packet(uint32_t packet);
  void enter(uint32_t packet, Stage stage);

  uint32_t keep_ticket(std::string_view ticket);
  void forget_ticket(const Action& action);

  const Play& play_;
  const uint32_t index_;
  const int64_t end_us_;
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
  boost::asio::steady_timer tick_timer_{context_};
  int64_t timer_at_us_ = kNever;
  SteadyTime start_;

  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Action> running_;       // by connection
  std::deque<Connection*> idle_;      // the longest idle first
  std::vector<Connection*> resting_;  // refused; idle again at the next tick

  uint64_t next_send_;
  int64_t next_send_at_us_;  // kNever: the night has no more
  Agenda<Action> plan_;
  Agenda<Action> soon_;
  std::vector<Step> steps_;  // scratch
  std::vector<std::string> tickets_;
  std::vector<uint32_t> free_tickets_;
  std::vector<Live> live_;
  std::vector<PacketRecord> packets_;  // as live_
  std::set<uint32_t> uncertain_users_;

  JsonReader json_;
  HistoryWriter history_;
  Stats stats_;
  std::atomic<bool> finished_ = false;
  mutable std::mutex snapshot_mutex_;
  Stats snapshot_;
};

}  // namespace hongbao::load

// The ledger's one writer: postings, settlements and retries that arrive together commit together. Everything it writes
// is idempotent by a natural key, so a commit whose outcome is unknown is simply repeated.
//
// `start` gives the writer's `step` a thread, which only repeats it and pauses when the store refuses. `start` and
// `stop`: the owner. Everything else: any thread. Callbacks run in the step, or inline when the request is refused;
// they must be short and must not block.
#pragma once

#include <thread>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/ledger_store.h"

namespace hongbao {

struct LedgerCommitterOptions {
  LedgerPlace place{};  // of the store's ledger
  size_t mailbox_commands_max = 16'384;
  size_t batch_commands_max = 512;
  uint32_t commit_tries_max = 5;
  std::chrono::milliseconds commit_retry_pause{20};
  std::chrono::milliseconds deferral{};  // first back-off of a refused transfer
};

class LedgerCommitter {
 public:
  LedgerCommitter(LedgerStore& store, const Clock& clock, LedgerCommitterOptions options,
                  prometheus::Registry& registry);
  ~LedgerCommitter();

  [[nodiscard]] const LedgerPlace& place() const { return options_.place; }

  void start();
  // Refuses new requests and finishes those it has.
  void stop();

  // Errors: kOverloaded, kShuttingDown, kDeadlineExceeded: nothing took effect; kOutcomeUnknown: ask again.
  void post(Posting posting, SteadyTime deadline, Done<Posted> done);

  // One outcome for each. Errors: kOverloaded, kShuttingDown, and those of the store, after which the
  // outcome is unknown.
  void settle(std::vector<Settlement> settlements, Done<std::vector<SettleOutcome>> done);
  void retry(std::vector<DeferredTransfer> retries, Done<std::vector<RetryOutcome>> done);
  void set_frozen(const AccountId& account, bool frozen, Done<void> done);

  // Runs `job` on the writer's thread between two commits: nothing is posted meanwhile, so it must be short.
  void between_commits(std::move_only_function<void()> job, Done<void> done);
  // A transfer, after all that was asked for before. Errors: kOverloaded, kShuttingDown, and those of the store. For
  // what is asked for seldom: it is read between two commits.
  void find(std::string transfer_id, Done<std::optional<Transfer>> done);

  // Commits and answers what has gathered, waiting up to `idle_wait` for the first request; or tries once more to
  // commit what the store refused. False: nothing had gathered, or the store refused and another try is left.
  bool step(std::chrono::milliseconds idle_wait);

 private:
  struct Post {
    Posting posting;
    SteadyTime deadline;
    Done<Posted> done;
  };
  struct Settle {
    std::vector<Settlement> settlements;
    Done<std::vector<SettleOutcome>> done;
  };
  struct Retry {
    std::vector<DeferredTransfer> retries;
    Done<std::vector<RetryOutcome>> done;
  };
  struct Freeze {
    AccountId account;
    bool frozen;
    Done<void> done;
  };
  struct Between {
    std::move_only_function<void()> job;
    Done<void> done;
  };
  struct Find {
    std::string transfer_id;
    Done<std::optional<Transfer>> done;
  };
  using Item = std::variant<Post, Settle, Retry, Freeze, Between, Find>;

  void write_loop();
  void submit(Item item);
  bool take(std::chrono::milliseconds idle_wait);
  void drop_overdue();
  [[nodiscard]] LedgerBatch gather();
  [[nodiscard]] Result<LedgerResult> commit();
  void commit_apart();
  void answer(const Result<LedgerResult>& result);

  LedgerStore& store_;
  const Clock& clock_;
  const LedgerCommitterOptions options_;
  Mailbox<Item> mailbox_;
  std::thread writer_;

  // The step's own: what is being committed.
  std::vector<Item> items_;
  LedgerBatch batch_;
  uint32_t tries_ = 0;

  prometheus::Histogram& batch_size_;
  prometheus::Histogram& commit_seconds_;
};

}  // namespace hongbao

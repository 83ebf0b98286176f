// The ledger's one writer: postings, settlements and retries that arrive together commit together. Everything it writes
// is idempotent by a natural key, so a commit whose outcome is unknown is simply repeated.
//
// `start` and `stop`: the owner. Everything else: any thread but the writer's own; the blocking calls not from an I/O
// thread. Callbacks run on the writer's thread and must be short.
#pragma once

#include <future>
#include <thread>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/ledger_store.h"

namespace hongbao {

struct LedgerWriterOptions {
  size_t mailbox_commands_max = 16'384;
  size_t batch_commands_max = 512;
  uint32_t commit_tries_max = 5;
  std::chrono::milliseconds commit_retry_pause{20};
  std::chrono::milliseconds deferral{1'000};  // first back-off of a refused transfer
};

class LedgerWriter {
 public:
  LedgerWriter(LedgerStore& store, const Clock& clock, LedgerWriterOptions options, prometheus::Registry& registry);
  ~LedgerWriter();

  void start();
  void stop();

  // Errors: kOverloaded, kShuttingDown, kDeadlineExceeded: nothing took effect; kOutcomeUnknown: ask again.
  void post(Posting posting, SteadyTime deadline, Done<PostOutcome> done);

  // Blocking. One flag for each: see LedgerResult.
  Result<std::vector<bool>> settle(std::vector<Settlement> settlements);
  Result<std::vector<bool>> retry(std::vector<DeferredTransfer> retries);
  Result<void> set_frozen(const AccountId& account, bool frozen);

 private:
  struct Post {
    Posting posting;
    SteadyTime deadline;
    Done<PostOutcome> done;
  };
  struct Settle {
    std::vector<Settlement> settlements;
    std::promise<Result<std::vector<bool>>> done;
  };
  struct Retry {
    std::vector<DeferredTransfer> retries;
    std::promise<Result<std::vector<bool>>> done;
  };
  struct Freeze {
    AccountId account;
    bool frozen;
    std::promise<Result<void>> done;
  };
  using Item = std::variant<Post, Settle, Retry, Freeze>;

  void write_loop();
  void drop_overdue(std::vector<Item>& items) const;
  LedgerBatch gather(std::vector<Item>& items) const;
  void answer(std::vector<Item>& items, const Result<LedgerResult>& result);
  Result<LedgerResult> commit(const LedgerBatch& batch);
  template <class Request, class Answer>
  Result<Answer> ask(Request request);

  LedgerStore& store_;
  const Clock& clock_;
  const LedgerWriterOptions options_;
  Mailbox<Item> mailbox_;
  std::thread writer_;
  prometheus::Histogram& batch_size_;
  prometheus::Histogram& commit_seconds_;
};

}  // namespace hongbao

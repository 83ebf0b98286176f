#include "service/ledger_committer.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/log_rate.h"
#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kIdleWait{1'000};

// The next `count` outcomes from `begin` on.
template <class Outcome>
std::vector<Outcome> take_next(const std::vector<Outcome>& outcomes, size_t& begin, size_t count) {
  const auto first = outcomes.begin() + static_cast<std::ptrdiff_t>(begin);
  begin += count;
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace

LedgerCommitter::LedgerCommitter(LedgerStore& store, const Clock& clock, LedgerCommitterOptions options,
                                 prometheus::Registry& registry)
    : store_(store),
      clock_(clock),
      options_(options),
      mailbox_(options.mailbox_commands_max),
      batch_size_(add_histogram(registry, "hongbao_ledger_commit_batch_commands", "Ledger commands committed together.",
                                batch_buckets())),
      commit_seconds_(add_histogram(registry, "hongbao_ledger_commit_seconds", "Time of one ledger commit.",
                                    latency_buckets_s())) {}

LedgerCommitter::~LedgerCommitter() {
  stop();
}

void LedgerCommitter::start() {
  writer_ = std::thread([this] { write_loop(); });
}

void LedgerCommitter::stop() {
  mailbox_.close();
  if (writer_.joinable()) {
    writer_.join();
  }
}

void LedgerCommitter::post(Posting posting, SteadyTime deadline, Done<Posted> done) {
  submit(Post{std::move(posting), deadline, std::move(done)});
}

void LedgerCommitter::settle(std::vector<Settlement> settlements, Done<std::vector<SettleOutcome>> done) {
  submit(Settle{std::move(settlements), std::move(done)});
}

void LedgerCommitter::retry(std::vector<DeferredTransfer> retries, Done<std::vector<RetryOutcome>> done) {
  submit(Retry{std::move(retries), std::move(done)});
}

void LedgerCommitter::set_frozen(const AccountId& account, bool frozen, Done<void> done) {
  submit(Freeze{account, frozen, std::move(done)});
}

void LedgerCommitter::between_commits(std::move_only_function<void()> job, Done<void> done) {
  submit(Between{std::move(job), std::move(done)});
}

void LedgerCommitter::find(std::string transfer_id, Done<std::optional<Transfer>> done) {
  submit(Find{std::move(transfer_id), std::move(done)});
}

void LedgerCommitter::submit(Item item) {
  const auto push = mailbox_.push(item);
  if (push == Mailbox<Item>::Push::kTaken) {
    return;
  }
  const auto refusal = push == Mailbox<Item>::Push::kFull ? fail(ErrorCode::kOverloaded, "the ledger's mailbox is full")
                                                          : fail(ErrorCode::kShuttingDown, "the server is stopping");
  std::visit([&](auto& request) { request.done(refusal); }, item);
}

void LedgerCommitter::write_loop() {
  name_this_thread("ledger");
  while (true) {
    if (step(kIdleWait)) {
      continue;
    }
    if (!items_.empty()) {
      std::this_thread::sleep_for(options_.commit_retry_pause);
    } else if (mailbox_.closed()) {
      return;
    }
  }
}

bool LedgerCommitter::step(std::chrono::milliseconds idle_wait) {
  if (items_.empty() && !take(idle_wait)) {
    return false;
  }
  if (items_.empty()) {  // all that had gathered was overdue
    return true;
  }
  const auto result = commit();
  if (!result && result.error().code == ErrorCode::kInternal) {
    commit_apart();
    return true;
  }
  if (!result && tries_ < options_.commit_tries_max) {
    if (const auto left_out = log_turn("ledger_commit_repeated")) {
      log_warn("ledger_commit_repeated", {{"error", result.error().detail}, {"suppressed", *left_out}});
    }
    return false;
  }
  if (!result) {
    if (const auto left_out = log_turn("ledger_commit_failed")) {
      log_error("ledger_commit_failed", {{"error", result.error().detail}, {"suppressed", *left_out}});
    }
  }
  answer(result);
  items_.clear();
  return true;
}

// False: nothing had gathered.
bool LedgerCommitter::take(std::chrono::milliseconds idle_wait) {
  mailbox_.take(items_, options_.batch_commands_max, idle_wait);
  if (items_.empty()) {
    return false;
  }
  drop_overdue();
  batch_size_.Observe(static_cast<double>(items_.size()));
  batch_ = gather();
  tries_ = 0;
  return true;
}

void LedgerCommitter::drop_overdue() {
  const SteadyTime now = clock_.steady_now();
  std::erase_if(items_, [&](Item& item) {
    auto* post = std::get_if<Post>(&item);
    if (post == nullptr || post->deadline >= now) {
      return false;
    }
    post->done(fail(ErrorCode::kDeadlineExceeded, "the ledger did not come to it in time"));
    return true;
  });
}

Result<LedgerResult> LedgerCommitter::commit() {
  ++tries_;
  const SteadyTime began = clock_.steady_now();
  auto result = store_.commit(batch_);
  commit_seconds_.Observe(std::chrono::duration<double>(clock_.steady_now() - began).count());
  return result;
}

LedgerBatch LedgerCommitter::gather() {
  LedgerBatch batch{.place = options_.place};
  batch.now = clock_.now();
  batch.deferral = options_.deferral;
  for (Item& item : items_) {
    if (auto* post = std::get_if<Post>(&item)) {
      batch.postings.push_back(std::move(post->posting));
    } else if (auto* settle = std::get_if<Settle>(&item)) {
      std::move(settle->settlements.begin(), settle->settlements.end(), std::back_inserter(batch.settlements));
    } else if (auto* retry = std::get_if<Retry>(&item)) {
      std::move(retry->retries.begin(), retry->retries.end(), std::back_inserter(batch.retries));
    }
  }
  return batch;
}

// Something in the batch contradicts what is stored: it must not hold up the rest, of whoever that is.
void LedgerCommitter::commit_apart() {
  const LedgerBatch all = std::move(batch_);
  LedgerResult result;
  std::optional<Error> error;  // of the kind after which nothing is known
  const auto commit_one = [&](auto LedgerBatch::* parts, auto LedgerResult::* outcomes, const auto& refused) {
    for (const auto& part : all.*parts) {
      batch_ = {.place = all.place,
                .postings = {},
                .settlements = {},
                .retries = {},
                .now = all.now,
                .deferral = all.deferral};
      (batch_.*parts).push_back(part);
      const Result<LedgerResult> one = error ? std::unexpected(*error) : commit();
      if (!one && one.error().code != ErrorCode::kInternal) {
        error = one.error();
      }
      (result.*outcomes).push_back(one ? ((*one).*outcomes).front() : refused);
    }
  };
  commit_one(&LedgerBatch::postings, &LedgerResult::postings, Posted{PostOutcome::kDamaged});
  commit_one(&LedgerBatch::settlements, &LedgerResult::settlements, SettleOutcome::kDamaged);
  commit_one(&LedgerBatch::retries, &LedgerResult::retries, RetryOutcome::kDamaged);
  answer(error ? Result<LedgerResult>(std::unexpected(*error)) : Result<LedgerResult>(std::move(result)));
  items_.clear();
}

// `result` lists the outcomes in the order in which `gather` met the commands.
void LedgerCommitter::answer(const Result<LedgerResult>& result) {
  size_t posting = 0;
  size_t settlement = 0;
  size_t retried = 0;
  const auto outcomes_or_error = [&](auto LedgerResult::* outcomes, size_t& begin, size_t count) {
    using Outcomes = std::remove_cvref_t<decltype((*result).*outcomes)>;
    return result ? Result<Outcomes>(take_next((*result).*outcomes, begin, count)) : std::unexpected(result.error());
  };
  for (Item& item : items_) {
    if (auto* post = std::get_if<Post>(&item)) {
      post->done(result ? Result<Posted>(result->postings[posting++])
                        : fail(ErrorCode::kOutcomeUnknown, "the ledger did not confirm; ask again"));
    } else if (auto* settle = std::get_if<Settle>(&item)) {
      settle->done(outcomes_or_error(&LedgerResult::settlements, settlement, settle->settlements.size()));
    } else if (auto* retry = std::get_if<Retry>(&item)) {
      retry->done(outcomes_or_error(&LedgerResult::retries, retried, retry->retries.size()));
    } else if (auto* freeze = std::get_if<Freeze>(&item)) {
      freeze->done(store_.set_frozen(freeze->account, freeze->frozen));
    } else if (auto* between = std::get_if<Between>(&item)) {
      between->job();
      between->done({});
    } else if (auto* find = std::get_if<Find>(&item)) {
      find->done(result ? store_.transfer(find->transfer_id) : std::unexpected(result.error()));
    }
  }
}

}  // namespace hongbao

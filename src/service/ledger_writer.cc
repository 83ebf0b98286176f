#include "service/ledger_writer.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kIdleWait{1'000};

// The next `count` flags from `begin` on.
std::vector<bool> take_flags(const std::vector<bool>& flags, size_t& begin, size_t count) {
  std::vector<bool> taken(flags.begin() + static_cast<std::ptrdiff_t>(begin),
                          flags.begin() + static_cast<std::ptrdiff_t>(begin + count));
  begin += count;
  return taken;
}

}  // namespace

LedgerWriter::LedgerWriter(LedgerStore& store, const Clock& clock, LedgerWriterOptions options,
                           prometheus::Registry& registry)
    : store_(store),
      clock_(clock),
      options_(options),
      mailbox_(options.mailbox_commands_max),
      batch_size_(add_histogram(registry, "hongbao_ledger_commit_batch_commands", "Ledger commands committed together.",
                                batch_buckets())),
      commit_seconds_(add_histogram(registry, "hongbao_ledger_commit_seconds", "Time of one ledger commit.",
                                    latency_buckets_s())) {}

LedgerWriter::~LedgerWriter() {
  stop();
}

void LedgerWriter::start() {
  writer_ = std::thread([this] { write_loop(); });
}

void LedgerWriter::stop() {
  mailbox_.close();
  if (writer_.joinable()) {
    writer_.join();
  }
}

void LedgerWriter::post(Posting posting, SteadyTime deadline, Done<PostOutcome> done) {
  Item item = Post{std::move(posting), deadline, std::move(done)};
  const auto push = mailbox_.push(item);
  if (push == Mailbox<Item>::Push::kTaken) {
    return;
  }
  const bool full = push == Mailbox<Item>::Push::kFull;
  std::get<Post>(item).done(full ? fail(ErrorCode::kOverloaded, "the ledger's mailbox is full")
                                 : fail(ErrorCode::kShuttingDown, "the server is stopping"));
}

template <class Request, class Answer>
Result<Answer> LedgerWriter::ask(Request request) {
  auto answer = request.done.get_future();
  Item item = std::move(request);
  const auto push = mailbox_.push(item);
  if (push == Mailbox<Item>::Push::kTaken) {
    return answer.get();
  }
  return push == Mailbox<Item>::Push::kFull ? fail(ErrorCode::kOverloaded, "the ledger's mailbox is full")
                                            : fail(ErrorCode::kShuttingDown, "the server is stopping");
}

Result<std::vector<bool>> LedgerWriter::settle(std::vector<Settlement> settlements) {
  return ask<Settle, std::vector<bool>>({std::move(settlements), {}});
}

Result<std::vector<bool>> LedgerWriter::retry(std::vector<DeferredTransfer> retries) {
  return ask<Retry, std::vector<bool>>({std::move(retries), {}});
}

Result<void> LedgerWriter::set_frozen(const AccountId& account, bool frozen) {
  return ask<Freeze, void>({account, frozen, {}});
}

void LedgerWriter::drop_overdue(std::vector<Item>& items) const {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::erase_if(items, [&](Item& item) {
    auto* post = std::get_if<Post>(&item);
    if (post == nullptr || post->deadline >= now) {
      return false;
    }
    post->done(fail(ErrorCode::kDeadlineExceeded, "the ledger was too busy to decide in time"));
    return true;
  });
}

Result<LedgerResult> LedgerWriter::commit(const LedgerBatch& batch) {
  const auto began = std::chrono::steady_clock::now();
  auto result = store_.commit(batch);
  for (uint32_t tries = 1; !result && tries < options_.commit_tries_max; ++tries) {
    log_warn("ledger_commit_repeated", {{"error", result.error().detail}});
    std::this_thread::sleep_for(options_.commit_retry_pause);
    result = store_.commit(batch);
  }
  commit_seconds_.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  if (!result) {
    log_error("ledger_commit_failed", {{"error", result.error().detail}});
  }
  return result;
}

LedgerBatch LedgerWriter::gather(std::vector<Item>& items) const {
  LedgerBatch batch;
  batch.now = clock_.now();
  batch.deferral = options_.deferral;
  for (Item& item : items) {
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

// `result` lists the outcomes in the order in which `gather` met the commands.
void LedgerWriter::answer(std::vector<Item>& items, const Result<LedgerResult>& result) {
  size_t posting = 0;
  size_t settlement = 0;
  size_t retried = 0;
  const auto flags_or_error = [&](const std::vector<bool> LedgerResult::* flags, size_t& begin, size_t count) {
    return result ? Result<std::vector<bool>>(take_flags((*result).*flags, begin, count))
                  : std::unexpected(result.error());
  };
  for (Item& item : items) {
    if (auto* post = std::get_if<Post>(&item)) {
      post->done(result ? Result<PostOutcome>(result->postings[posting++])
                        : fail(ErrorCode::kOutcomeUnknown, "the ledger did not confirm; ask again"));
    } else if (auto* settle = std::get_if<Settle>(&item)) {
      settle->done.set_value(flags_or_error(&LedgerResult::applied, settlement, settle->settlements.size()));
    } else if (auto* retry = std::get_if<Retry>(&item)) {
      retry->done.set_value(flags_or_error(&LedgerResult::retried, retried, retry->retries.size()));
    } else if (auto* freeze = std::get_if<Freeze>(&item)) {
      freeze->done.set_value(store_.set_frozen(freeze->account, freeze->frozen));
    }
  }
}

void LedgerWriter::write_loop() {
  std::vector<Item> items;
  while (true) {
    items.clear();
    mailbox_.take(items, options_.batch_commands_max, kIdleWait);
    if (items.empty()) {
      if (mailbox_.closed()) {
        return;
      }
      continue;
    }
    drop_overdue(items);
    batch_size_.Observe(static_cast<double>(items.size()));
    answer(items, commit(gather(items)));
  }
}

}  // namespace hongbao

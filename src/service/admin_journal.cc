#include "service/admin_journal.h"

#include <utility>

#include "base/log.h"
#include "base/log_rate.h"
#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kJournalIdleWait{1'000};
constexpr std::chrono::milliseconds kGiveUpEvery{50};
constexpr size_t kLinesTogetherMax = 256;
constexpr const char* kLateOutcome = "not made: its line came too late";

std::unexpected<Error> unavailable(std::string why) {
  return fail(ErrorCode::kJournalUnavailable, std::move(why));
}

}  // namespace

AdminJournal::AdminJournal(AdminJournalStore& store, const Clock& clock, AdminJournalOptions options,
                           prometheus::Registry& registry)
    : store_(store),
      clock_(clock),
      options_(options),
      refused_(add_counter(registry, "hongbao_admin_journal_refused_total",
                           "Changes that were not made because the journal could not be written.")),
      ends_lost_(add_counter(registry, "hongbao_admin_journal_ends_lost_total",
                             "Ends of changes that could not be written to the journal.")),
      bytes_(add_gauge(registry, "hongbao_admin_journal_bytes", "What the journal takes on the disk.")),
      mailbox_(options.waiting_max),
      watch_(kGiveUpEvery, [this] { give_up_overdue(); }) {}

void AdminJournal::start() {
  writer_ = std::thread([this] { run(); });
  watch_.start();
}

void AdminJournal::stop() {
  mailbox_.close();
  if (writer_.joinable()) {
    writer_.join();
  }
  watch_.stop();
}

bool AdminJournal::Waiting::decide(Result<uint64_t> outcome) {
  if (decided.exchange(true)) {
    return false;
  }
  Done<uint64_t> mine = std::move(done);  // what it holds goes with this call, and not with the last one to look
  mine(std::move(outcome));
  return true;
}

void AdminJournal::begin(BegunChange change, Done<uint64_t> done) {
  change.at = clock_.now();
  const auto waiting = std::make_shared<Waiting>();
  waiting->give_up = clock_.steady_now() + options_.patience;
  waiting->done = std::move(done);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(waiting);
  }
  Item item = Begin{std::move(change), waiting};
  const auto push = mailbox_.push(item);
  if (push == Mailbox<Item>::Push::kClosed) {
    waiting->decide(fail(ErrorCode::kShuttingDown, "the server is stopping"));
  } else if (push == Mailbox<Item>::Push::kFull) {
    refused_.Increment();
    waiting->decide(unavailable("too many changes wait for the journal: nothing was done"));
  }
}

// Never refused: there is one at most for each entry that began.
void AdminJournal::end(uint64_t no, std::string outcome) {
  mailbox_.push_unbounded(EndedChange{no, clock_.now(), std::move(outcome)});
}

void AdminJournal::newest(uint64_t before, size_t entries_max, Done<std::vector<JournalEntry>> done) {
  Item item = Read{before, entries_max, std::move(done)};
  const auto push = mailbox_.push(item);
  if (push != Mailbox<Item>::Push::kTaken) {
    std::get<Read>(item).done(push == Mailbox<Item>::Push::kFull
                                  ? fail(ErrorCode::kOverloaded, "too many wait for the journal")
                                  : fail(ErrorCode::kShuttingDown, "the server is stopping"));
  }
}

void AdminJournal::run() {
  name_this_thread("admin-journal");
  (void)may_begin();  // for the metric
  std::vector<Item> items;
  while (true) {
    items.clear();
    mailbox_.take(items, kLinesTogetherMax, kJournalIdleWait);
    if (items.empty() && mailbox_.closed()) {
      return;
    }
    write(items);
  }
}

Result<void> AdminJournal::may_begin() {
  const auto bytes = store_.bytes();
  if (!bytes) {
    return unavailable("the journal can't be read: nothing was done");
  }
  bytes_.Set(static_cast<double>(*bytes));
  return *bytes < options_.bytes_max ? Result<void>()
                                     : unavailable("the journal is full (admin.journal_mib_max): nothing was done");
}

void AdminJournal::write(std::vector<Item>& items) {
  std::vector<BegunChange> begun;
  std::vector<std::shared_ptr<Waiting>> begin;
  std::vector<EndedChange> ended;
  for (Item& item : items) {
    if (auto* each = std::get_if<Begin>(&item); each != nullptr && !each->waiting->decided) {
      begun.push_back(std::move(each->change));
      begin.push_back(each->waiting);
    } else if (auto* end = std::get_if<EndedChange>(&item)) {
      ended.push_back(std::move(*end));
    }
  }
  Result<void> may = begin.empty() ? Result<void>() : may_begin();
  if (!may) {
    begun.clear();
  }
  Result<std::vector<uint64_t>> numbers;
  if (!begun.empty() || !ended.empty()) {
    numbers = store_.append(begun, ended);
  }
  if (!numbers && !ended.empty()) {
    ends_lost_.Increment(static_cast<double>(ended.size()));
    log_error("admin_journal_ends_lost", {{"first", ended.front().no}, {"count", ended.size()}});
  }
  if (may && !numbers) {
    may = unavailable("the journal can't be written: nothing was done");
  }
  if (!may && !begin.empty()) {
    if (const auto left_out = log_turn("admin_journal_unavailable")) {
      log_error("admin_journal_unavailable", {{"error", may.error().detail}, {"suppressed", *left_out}});
    }
  }
  for (size_t i = 0; i < begin.size(); ++i) {
    const bool is_heard = begin[i]->decide(may ? Result<uint64_t>((*numbers)[i]) : std::unexpected(may.error()));
    if (!may && is_heard) {
      refused_.Increment();
    } else if (may && !is_heard) {
      end((*numbers)[i], kLateOutcome);
    }
  }
  for (Item& item : items) {
    if (auto* read = std::get_if<Read>(&item)) {
      read->done(store_.newest(read->before, read->entries_max));
    }
  }
}

void AdminJournal::give_up_overdue() {
  const SteadyTime now = clock_.steady_now();
  std::vector<std::shared_ptr<Waiting>> overdue;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [&](const std::shared_ptr<Waiting>& each) {
      if (!each->decided && each->give_up <= now) {
        overdue.push_back(each);
      }
      return each->decided || each->give_up <= now;
    });
  }
  for (const auto& each : overdue) {
    if (each->decide(unavailable("the journal takes too long: nothing was done"))) {
      refused_.Increment();
      if (const auto left_out = log_turn("admin_journal_unavailable")) {
        log_error("admin_journal_unavailable", {{"error", "its disk does not answer"}, {"suppressed", *left_out}});
      }
    }
  }
}

}  // namespace hongbao

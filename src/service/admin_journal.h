// The admin journal's one writer: a change waits for its line on the disk before it is made, and nobody else waits for
// the disk. Lines that come together are written together.
//
// A line that is not on the disk in time is given up by another thread, however long the disk takes, and its change is
// refused; a line that arrives there all the same gets an end that says so. At `bytes_max` changes are refused: old
// lines never make room, for whoever wants to hide something would only have to be busy.
//
// `start` and `stop`: the owner. Everything else: any thread. Callbacks run on the writer, on the thread that gives up,
// or inline when nothing can wait; they must be short and must not block.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/admin_journal_store.h"
#include "service/periodic.h"

namespace hongbao {

struct AdminJournalOptions {
  uint64_t bytes_max = 0;
  std::chrono::milliseconds patience{2'000};  // for the disk
  size_t waiting_max = 4'096;
};

class AdminJournal {
 public:
  // All outlive it.
  AdminJournal(AdminJournalStore& store, const Clock& clock, AdminJournalOptions options,
               prometheus::Registry& registry);
  ~AdminJournal() { stop(); }

  void start();
  // Writes what waits; begins nothing any more.
  void stop();

  // Calls back with the entry's number once it is durable; `at` is set here. Errors: kJournalUnavailable,
  // kShuttingDown: then nothing may be done.
  void begin(BegunChange change, Done<uint64_t> done);
  // Of an entry that began here. An end that can't be written is logged and counted.
  void end(uint64_t no, std::string outcome);
  // As the store has it, behind all that was asked for before. Errors: those of the store, kOverloaded, kShuttingDown.
  void newest(uint64_t before, size_t entries_max, Done<std::vector<JournalEntry>> done);

 private:
  // Whoever decides it first calls `done`: the writer, or who gives up.
  struct Waiting {
    SteadyTime give_up;
    std::atomic<bool> decided{false};
    Done<uint64_t> done;

    bool decide(Result<uint64_t> outcome);
  };
  struct Begin {
    BegunChange change;
    std::shared_ptr<Waiting> waiting;
  };
  struct Read {
    uint64_t before;
    size_t entries_max;
    Done<std::vector<JournalEntry>> done;
  };
  using Item = std::variant<Begin, EndedChange, Read>;

  void run();
  void write(std::vector<Item>& items);
  [[nodiscard]] Result<void> may_begin();
  void give_up_overdue();

  AdminJournalStore& store_;
  const Clock& clock_;
  const AdminJournalOptions options_;
  prometheus::Counter& refused_;
  prometheus::Counter& ends_lost_;
  prometheus::Gauge& bytes_;
  Mailbox<Item> mailbox_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Waiting>> waiting_;  // guarded by mutex_
  Periodic watch_;
  std::thread writer_;
};

}  // namespace hongbao

// What users see of the inbox: what they sent and received, and a year's totals. The first two pages of a list come
// from the cache, when there is one, everything else from the store; a cache that fails only makes it slower. Any
// thread; callbacks run inline, on the worker pool, or where the cache runs them.
#pragma once

#include "service/inbox_heads.h"
#include "service/worker_pool.h"

namespace hongbao {

struct ListPage {
  ListPosition before{kListTop};  // entries with a position below; newest first
  size_t entries_max = 0;
  bool is_in_head = false;  // one of the first two, in the usual size: worth asking the cache
};

class InboxLists {
 public:
  // `heads`: null when there is no cache for them. All outlive it.
  InboxLists(InboxStore& store, WorkerPool& workers, InboxHeads* heads)
      : store_(store), workers_(workers), heads_(heads) {}

  // Errors: those of the store and of WorkerPool::submit; kDeadlineExceeded when the pool came to it too late.
  // `year`: of the calendar in UTC+8.
  void sent(const UserId& user, ListPage page, Done<std::vector<SentEntry>> done);
  void received(const UserId& user, ListPage page, Done<std::vector<ReceivedEntry>> done);
  void summary(const UserId& user, int year, Done<YearSummary> done);

 private:
  template <class Entry>
  void read(const UserId& user, ListPage page, Done<std::vector<Entry>> done);
  template <class Entry>
  void read_store(const UserId& user, ListPage page, Done<std::vector<Entry>> done);
  template <class Entry>
  void read_and_fill(const UserId& user, ListPage page, uint64_t token, Done<std::vector<Entry>> done);

  InboxStore& store_;
  WorkerPool& workers_;
  InboxHeads* const heads_;
};

}  // namespace hongbao

#include "service/inbox_lists.h"

#include <algorithm>

namespace hongbao {
namespace {

Result<std::vector<SentEntry>> read_list(InboxStore& store, const UserId& user, ListPage page, SentEntry) {
  return store.sent(user, page.before, page.entries_max);
}

Result<std::vector<ReceivedEntry>> read_list(InboxStore& store, const UserId& user, ListPage page, ReceivedEntry) {
  return store.received(user, page.before, page.entries_max);
}

// The page, if the head has all of it: the list may have grown since the page before was shown.
template <class Entry>
std::optional<std::vector<Entry>> cut(const std::vector<Entry>& head, ListPage page) {
  const auto first = std::ranges::find_if(head, [&](const Entry& entry) { return entry.position() < page.before; });
  const auto found = static_cast<size_t>(head.end() - first);
  const bool is_whole_list = head.size() < InboxHeads::kEntriesMax;
  if (found < page.entries_max && !is_whole_list) {
    return std::nullopt;
  }
  return std::vector<Entry>(first, first + static_cast<ptrdiff_t>(std::min(found, page.entries_max)));
}

}  // namespace

template <class Entry>
void InboxLists::read_store(const UserId& user, ListPage page, Done<std::vector<Entry>> done) {
  read_on<std::vector<Entry>>(
      workers_, [this, user, page] { return read_list(store_, user, page, Entry()); }, std::move(done), flow_of(user));
}

template <class Entry>
void InboxLists::read(const UserId& user, ListPage page, Done<std::vector<Entry>> done) {
  if (heads_ == nullptr || !page.is_in_head) {
    read_store(user, page, std::move(done));
    return;
  }
  heads_->claim<Entry>(user, [this, user, page, done = std::move(done)](InboxHeads::Head<Entry> head) mutable {
    if (head.token != 0) {
      read_and_fill(user, page, head.token, std::move(done));
      return;
    }
    if (auto found = head.entries ? cut(*head.entries, page) : std::nullopt) {
      done(std::move(*found));
    } else {
      read_store(user, page, std::move(done));
    }
  });
}

template <class Entry>
void InboxLists::read_and_fill(const UserId& user, ListPage page, uint64_t token, Done<std::vector<Entry>> done) {
  const ListPage whole{.entries_max = InboxHeads::kEntriesMax};
  auto filled = [this, user, page, token, done = std::move(done)](Result<std::vector<Entry>> head) mutable {
    if (!head) {
      done(std::move(head));
      return;
    }
    heads_->fill(user, token, *head);
    if (auto found = cut(*head, page)) {
      done(std::move(*found));
    } else {
      read_store(user, page, std::move(done));
    }
  };
  read_store<Entry>(user, whole, std::move(filled));
}

void InboxLists::sent(const UserId& user, ListPage page, Done<std::vector<SentEntry>> done) {
  read(user, page, std::move(done));
}

void InboxLists::received(const UserId& user, ListPage page, Done<std::vector<ReceivedEntry>> done) {
  read(user, page, std::move(done));
}

void InboxLists::summary(const UserId& user, int year, Done<YearSummary> done) {
  read_on<YearSummary>(
      workers_, [this, user, year] { return store_.summary(user, year); }, std::move(done), flow_of(user));
}

}  // namespace hongbao

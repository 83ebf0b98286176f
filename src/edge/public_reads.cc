// The reading half of the public API: packets, their shares, the inbox and the wallet.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "edge/json_output.h"
#include "edge/public_api.h"

namespace hongbao {
namespace {

namespace json = boost::json;

// One more than a page is read; its presence tells that there is a next page.
template <class Entry>
std::optional<ListPosition> cut_page(std::vector<Entry>& entries, uint32_t size) {
  if (entries.size() <= size) {
    return std::nullopt;
  }
  entries.resize(size);
  return entries.back().position();
}

ListPosition before(const Page& page) {
  return page.position.value_or(kListTop);
}

ListPage list_page(const Page& page) {
  static_assert(InboxHeads::kEntriesMax == kPagesUnderPressure * kPageSizeDefault + 1);
  return {.before = before(page),
          .entries_max = page.size + 1,
          .is_in_head = page.size == kPageSizeDefault && page.number <= kPagesUnderPressure};
}

// Reads a page of a user's list and answers it. `read(page)` gives the entries, `print(entries)` the
// JSON.
template <class Entry, class Read, class Print>
void answer_list(const Paging& paging, const Target& target, std::string scope, Call call, Read read, Print print) {
  const auto page = paging.read(target, scope);
  if (!page) {
    call.fail_with(page.error());
    return;
  }
  read(*page, [&paging, scope = std::move(scope), page = *page, print,
               call = std::move(call)](Result<std::vector<Entry>> entries) mutable {
    if (!entries) {
      call.fail_with(entries.error());
      return;
    }
    const auto next = cut_page(*entries, page.size);
    json::object body = print(*entries);
    if (next) {
      paging.add_next(body, scope, page, *next);
    }
    call.send_json(http::status::ok, json::serialize(body));
  });
}

}  // namespace

void PublicApi::view(const Incoming& in, Caller /*anybody*/, Call call) {
  const auto packet = packet_of(in);
  if (!packet) {
    call.fail_with(packet.error());
    return;
  }
  ask(ViewCall{*packet}, std::move(call), [](const PacketView& view) {
    return HttpResponse{.body = json::serialize(json::object{{"packet", packet_json(view)}})};
  });
}

void PublicApi::shares(const Incoming& in, Caller /*anybody*/, Call call) {
  static_assert(kPageSizeMax == kSharesPageMax);
  const auto packet = packet_of(in);
  std::string scope = fmt::format("packet:{}", in.name);
  const auto page = packet ? paging_.read(in.target, scope) : std::unexpected(packet.error());
  if (!page) {
    call.fail_with(page.error());
    return;
  }
  // Shares are listed by number: their pages begin at a tie.
  const auto first = page->position ? static_cast<uint32_t>(page->position->tie) : 1;
  ask(SharesCall{*packet, first, page->size}, std::move(call),
      [this, scope = std::move(scope), page = *page](const SharesPage& found) {
        json::object body = shares_json(found);
        if (found.next_seq != 0) {
          paging_.add_next(body, scope, page, {.tie = found.next_seq});
        }
        return HttpResponse{.body = json::serialize(body)};
      });
}

void PublicApi::sent(const Incoming& in, Caller caller, Call call) {
  const UserId& user = caller.user;
  const auto read = [this, user](const Page& page, Done<std::vector<SentEntry>> done) {
    services_.inbox.sent(user, list_page(page), std::move(done));
  };
  const auto print = [this](const auto& entries) { return sent_json(entries, services_.ids); };
  answer_list<SentEntry>(paging_, in.target, "sent:" + user.text(), std::move(call), read, print);
}

void PublicApi::received(const Incoming& in, Caller caller, Call call) {
  const UserId& user = caller.user;
  const auto read = [this, user](const Page& page, Done<std::vector<ReceivedEntry>> done) {
    services_.inbox.received(user, list_page(page), std::move(done));
  };
  const auto print = [this](const auto& entries) { return received_json(entries, services_.ids); };
  answer_list<ReceivedEntry>(paging_, in.target, "received:" + user.text(), std::move(call), read, print);
}

void PublicApi::transfers(const Incoming& in, Caller caller, Call call) {
  const UserId& user = caller.user;
  const auto read = [this, user](const Page& page, Done<std::vector<WalletTransfer>> done) {
    services_.wallets.transfers(user, before(page), page.size + 1, std::move(done));
  };
  const auto print = [this, user](const auto& entries) { return transfers_json(entries, user, services_.ids); };
  answer_list<WalletTransfer>(paging_, in.target, "transfers:" + user.text(), std::move(call), read, print);
}

void PublicApi::summary(const Incoming& in, Caller caller, Call call) {
  const UserId& user = caller.user;
  const int this_year = Day::of(services_.clock.now()).year();
  const auto year = query_integer(in.target, "year", this_year, 2000, 2099);
  if (!year) {
    call.fail_with(year.error());
    return;
  }
  services_.inbox.summary(
      user, static_cast<int>(*year),
      [year = static_cast<int>(*year), call = std::move(call)](Result<YearSummary> summary) mutable {
        if (summary) {
          call.send_json(http::status::ok, json::serialize(summary_json(year, *summary)));
        } else {
          call.fail_with(summary.error());
        }
      });
}

void PublicApi::wallet(const Incoming& /*nothing*/, Caller caller, Call call) {
  const UserId& user = caller.user;
  services_.wallets.account(user, [user, call = std::move(call)](Result<Account> account) mutable {
    if (account) {
      call.send_json(http::status::ok, json::serialize(wallet_json(user, *account)));
    } else {
      call.fail_with(account.error());
    }
  });
}

}  // namespace hongbao

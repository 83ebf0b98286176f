// The part of the public API that shows users what is theirs: what they sent and received, and their wallet.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "api/public/json_output.h"
#include "api/public/public_api.h"
#include "api/wallet_json.h"

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
void answer_list(const Paging& paging, const Target& target, std::string scope, ApiCall call, Read read, Print print) {
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

void PublicApi::sent(const RoutedRequest& in, Caller caller, ApiCall call) {
  const UserId& user = caller.user;
  const auto read = [this, user](const Page& page, Done<std::vector<SentEntry>> done) {
    services_.inbox.sent(user, list_page(page), std::move(done));
  };
  const auto print = [this](const auto& entries) { return sent_json(entries, services_.ids); };
  answer_list<SentEntry>(paging_, in.target, "sent:" + user.text(), std::move(call), read, print);
}

void PublicApi::received(const RoutedRequest& in, Caller caller, ApiCall call) {
  const UserId& user = caller.user;
  const auto read = [this, user](const Page& page, Done<std::vector<ReceivedEntry>> done) {
    services_.inbox.received(user, list_page(page), std::move(done));
  };
  const auto print = [this](const auto& entries) { return received_json(entries, services_.ids); };
  answer_list<ReceivedEntry>(paging_, in.target, "received:" + user.text(), std::move(call), read, print);
}

void PublicApi::transfers(const RoutedRequest& in, Caller caller, ApiCall call) {
  const UserId& user = caller.user;
  const auto read = [this, owner = WalletOwner{user, caller.home}](const Page& page,
                                                                   Done<std::vector<WalletTransfer>> done) {
    services_.wallets.transfers(owner, before(page), page.size + 1, std::move(done));
  };
  const auto print = [this, user](const auto& entries) { return transfers_json(entries, user, services_.ids); };
  answer_list<WalletTransfer>(paging_, in.target, "transfers:" + user.text(), std::move(call), read, print);
}

void PublicApi::summary(const RoutedRequest& in, Caller caller, ApiCall call) {
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

void PublicApi::wallet(const RoutedRequest& /*nothing*/, Caller caller, ApiCall call) {
  const UserId& user = caller.user;
  services_.wallets.account({user, caller.home}, [user, call = std::move(call)](Result<Account> account) mutable {
    if (account) {
      call.send_json(http::status::ok, json::serialize(wallet_json(user, *account)));
    } else {
      call.fail_with(account.error());
    }
  });
}

}  // namespace hongbao

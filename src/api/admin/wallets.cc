// The part of the admin API that looks into wallets, deposits, and freezes.
#include <boost/json/serialize.hpp>

#include "api/admin/admin_api.h"
#include "api/idempotency_key.h"
#include "api/json_input.h"
#include "api/wallet_json.h"
#include "base/log.h"

namespace hongbao {
namespace {

namespace json = boost::json;

Result<UserId> read_user(std::string_view name) {
  const auto user = UserId::parse(name);
  return user ? Result<UserId>(*user)
              : fail(ErrorCode::kInvalidField, "must be 1 to 64 of A-Z a-z 0-9 . _ @ -", "user");
}

std::string random_key() {
  Key128 bytes;
  random_bytes(bytes);
  return to_hex(bytes);
}

void send_wallet(const UserId& user, Result<Account> account, json::object body, ApiCall call) {
  if (!account) {
    call.fail_with(account.error());
    return;
  }
  body["wallet"] = wallet_json(user, *account);
  call.send_json(http::status::ok, json::serialize(body));
}

}  // namespace

void AdminApi::wallet(const RoutedRequest& in, ApiCall call) {
  const auto user = read_user(in.name);
  if (!user) {
    call.fail_with(user.error());
    return;
  }
  services_.wallets.account({*user, options_.region},
                            [user = *user, call = std::move(call)](Result<Account> account) mutable {
                              send_wallet(user, std::move(account), {}, std::move(call));
                            });
}

void AdminApi::deposit(const RoutedRequest& in, ApiCall call) {
  JsonInput input(in.request.body());
  const Money amount = input.money("amount", Money(1), options_.deposit_max);
  const auto user = read_user(in.name);
  auto key = read_idempotency_key(in.request);
  if (!key) {
    call.fail_with(key.error());
    return;
  }
  const auto finished = user ? input.finish() : std::unexpected(user.error());
  if (!finished) {
    call.fail_with(finished.error());
    return;
  }
  if (key->empty()) {
    key = random_key();
  }
  const SteadyTime deadline = call.deadline();
  services_.wallets.deposit(
      {*user, options_.region}, amount, *key, deadline,
      [this, user = *user, call = std::move(call)](Result<std::string> deposited) mutable {
        if (!deposited) {
          call.fail_with(deposited.error());
          return;
        }
        services_.wallets.account({user, options_.region}, [user, id = std::move(*deposited),
                                                            call = std::move(call)](Result<Account> account) mutable {
          if (!account) {  // "not now" would be a lie
            account = fail(ErrorCode::kOutcomeUnknown, "it was deposited, and the wallet can't be read; ask again");
          }
          send_wallet(user, std::move(account), {{"transfer_id", id}}, std::move(call));
        });
      });
}

void AdminApi::freeze(const RoutedRequest& in, ApiCall call) {
  set_frozen(in, true, std::move(call));
}
void AdminApi::unfreeze(const RoutedRequest& in, ApiCall call) {
  set_frozen(in, false, std::move(call));
}

void AdminApi::set_frozen(const RoutedRequest& in, bool frozen, ApiCall call) {
  const auto user = read_user(in.name);
  const auto checked = user ? JsonInput(in.request.body()).finish() : std::unexpected(user.error());
  if (!checked) {
    call.fail_with(checked.error());
    return;
  }
  log_info("wallet_freeze_set", {{"user", user->text()}, {"frozen", frozen}});
  services_.wallets.freeze({*user, options_.region}, frozen,
                           [user = *user, call = std::move(call)](Result<Account> account) mutable {
                             send_wallet(user, std::move(account), {}, std::move(call));
                           });
}

}  // namespace hongbao

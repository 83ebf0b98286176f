#include "adapters/sqlite/ledger_rows.h"

#include <string>

namespace hongbao::sqlite {

const Schema& ledger_schema() {
  // transfer.wallet is the user account of the two, so that one index lists a wallet in either direction. A rowid table
  // keeps `position` at the end of every index entry: transfer_by_wallet is sorted by (wallet, at, position), since
  // version 2.
  // The UNIQUE id is an assertion for settled vouchers, which are guarded by the cursor, and a lookup for postings.
  static const Schema schema{.application_id = 0x48426c65,  // "HBle"
                             .steps = {R"(
CREATE TABLE account(
  id TEXT PRIMARY KEY, debits_posted INTEGER NOT NULL, credits_posted INTEGER NOT NULL, frozen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE transfer(
  position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, debit TEXT NOT NULL, credit TEXT NOT NULL,
  amount INTEGER NOT NULL, kind INTEGER NOT NULL, shard TEXT, day INTEGER, local INTEGER, at INTEGER NOT NULL,
  wallet TEXT) STRICT;
CREATE INDEX transfer_by_wallet ON transfer(wallet) WHERE wallet IS NOT NULL;
CREATE TABLE payment(
  shard TEXT NOT NULL, day INTEGER NOT NULL, local INTEGER NOT NULL, transfer_id TEXT NOT NULL,
  amount INTEGER NOT NULL, pay_token TEXT, at INTEGER NOT NULL, settled INTEGER NOT NULL,
  PRIMARY KEY (shard, day, local)) STRICT, WITHOUT ROWID;
CREATE INDEX payment_pending ON payment(shard, at, day, local) WHERE settled = 0;
CREATE TABLE cursor(shard TEXT PRIMARY KEY, next_voucher INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE deferred_transfer(
  id TEXT PRIMARY KEY, debit TEXT NOT NULL, credit TEXT NOT NULL, amount INTEGER NOT NULL, kind INTEGER NOT NULL,
  shard TEXT, day INTEGER, local INTEGER, at INTEGER NOT NULL, reason INTEGER NOT NULL, attempts INTEGER NOT NULL,
  next_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX deferred_by_next_at ON deferred_transfer(shard, next_at);
)",
                                       R"(
DROP INDEX transfer_by_wallet;
CREATE INDEX transfer_by_wallet ON transfer(wallet, at) WHERE wallet IS NOT NULL;
)",
                                       R"(
ALTER TABLE payment ADD COLUMN send_key BLOB;
CREATE UNIQUE INDEX payment_of_send ON payment(send_key);
)",
                                       R"(
CREATE TABLE deposit_day(day INTEGER PRIMARY KEY, amount INTEGER NOT NULL) STRICT;
)",
                                       R"(
CREATE INDEX account_frozen ON account(id) WHERE frozen = 1;
)"}};
  return schema;
}

Transfer read_transfer(const Rows& rows, int first) {
  return read_plain_transfer(rows, first, std::string(rows.text(first)));
}

std::optional<std::string_view> wallet_of(const Transfer& transfer) {
  if (transfer.debit.is_user()) {
    return transfer.debit.text();
  }
  return transfer.credit.is_user() ? std::optional<std::string_view>(transfer.credit.text()) : std::nullopt;
}

}  // namespace hongbao::sqlite

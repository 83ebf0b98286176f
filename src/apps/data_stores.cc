#include "apps/data_stores.h"

#include <fmt/format.h>

#include <filesystem>

#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "apps/data_checks.h"
#include "apps/data_identity.h"
#include "apps/put.h"
#include "base/pointers.h"

namespace hongbao {
namespace {

// Databases without the file that says whose they are: a copy that is not whole, or a restore that died.
Result<void> require_nothing(const std::string& path) {
  if (std::error_code error; std::filesystem::exists(fmt::format("{}/{}", path, kRestoringDirectory), error)) {
    return fail(
        ErrorCode::kConfig,
        fmt::format("{} is where a restore did not come to its end: run `hongbaoctl restore DIR --replace` again",
                    path),
        "data.dir");
  }
  const auto databases = list_databases(path);
  if (!databases) {
    return std::unexpected(databases.error());
  }
  return databases->empty()
             ? Result<void>()
             : fail(ErrorCode::kConfig,
                    fmt::format("{} holds {} but not {}: put back the whole data directory of one moment, or restore a "
                                "backup (hongbaoctl restore)",
                                path, *databases->begin(), kIdentityFile),
                    "data.dir");
}

// Of the directory; made, and on the disk before any database is, when it is new.
Result<DataIdentity> take_identity(const sqlite::DataDir& dir, const std::vector<Key128>& key_ids) {
  auto found = read_identity(dir.path());
  if (!found) {
    return std::unexpected(found.error());
  }
  const auto good = *found ? check_master_keys(**found, dir.path(), key_ids) : require_nothing(dir.path());
  if (!good) {
    return std::unexpected(good.error());
  }
  DataIdentity identity = *found ? std::move(**found) : DataIdentity{.master_key_id = to_hex(key_ids.front())};
  const bool has_new_keys = identity.later_key_ids.size() + 1 < key_ids.size();
  for (size_t i = identity.later_key_ids.size() + 1; i < key_ids.size(); ++i) {
    identity.later_key_ids.push_back(to_hex(key_ids[i]));
  }
  if (identity.deployment.empty() || has_new_keys) {
    identity.deployment = identity.deployment.empty() ? new_deployment() : identity.deployment;
    if (auto written = dir.write_file(kIdentityFile, print_identity(identity)); !written) {
      return std::unexpected(written.error());
    }
  }
  return identity;
}

}  // namespace

std::map<LedgerId, LedgerStore*> DataStores::ledger_stores() const {
  return {{LedgerId{orders.begin()->first.region, 0}, ledger.get()}};
}

std::map<ShardId, OrderStore*> DataStores::order_stores() const {
  return pointers_to<OrderStore>(orders);
}

Result<DataStores> open_data(const sqlite::DataDir& dir, const std::vector<ShardId>& shards,
                             const std::vector<Key128>& master_key_ids) {
  auto identity = take_identity(dir, master_key_ids);
  const auto fits = identity ? check_shards(dir.path(), identity->deployment, {shards.begin(), shards.end()})
                             : Result<void>(std::unexpected(identity.error()));
  if (!fits) {
    return std::unexpected(fits.error());
  }
  DataStores stores{.deployment = identity->deployment, .orders = {}, .ledger = nullptr, .inbox = nullptr};
  std::set<std::string> files;
  const auto terms = [&](const std::string& name) {
    files.insert(name);
    return sqlite::StoreTerms{identity->deployment, identity->files.contains(name)};
  };
  const auto path = [&](std::string_view name) { return fmt::format("{}/{}", dir.path(), name); };
  Result<void> done;
  for (size_t i = 0; done && i < shards.size(); ++i) {
    const std::string name = order_file(shards[i]);
    done = put(stores.orders[shards[i]], sqlite::OrderStore::open(path(name), shards[i], terms(name)));
  }
  if (done) {
    done = put(stores.ledger, sqlite::LedgerStore::open(path(kLedgerFile), terms(std::string(kLedgerFile))));
  }
  if (done) {
    done = put(stores.inbox, sqlite::InboxStore::open(path(kInboxFile), terms(std::string(kInboxFile))));
  }
  done = done ? dir.sync() : done;
  const size_t known = identity->files.size();
  identity->files.merge(files);
  if (done && identity->files.size() > known) {
    done = dir.write_file(kIdentityFile, print_identity(*identity));
  }
  return done ? Result<DataStores>(std::move(stores)) : std::unexpected(done.error());
}

}  // namespace hongbao

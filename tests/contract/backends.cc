#include "contract/backends.h"

#include <fmt/format.h>

#include "adapters/mariadb/inbox_store.h"
#include "adapters/mariadb/ledger_store.h"
#include "adapters/mariadb/membership.h"
#include "adapters/mariadb/order_store.h"
#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "base/scratch_dir.h"
#include "contract/engines.h"
#include "contract/values.h"
#include "service/sealed_orders.h"
#include "support/manual_clock.h"
#include "support/memory_inbox_store.h"
#include "support/memory_ledger_store.h"
#include "support/memory_membership.h"
#include "support/memory_order_store.h"

namespace hongbao {
namespace {

// The databases' own clocks can't be moved, but what they are compared with can.
std::string shorten(std::string_view table, std::chrono::milliseconds time) {
  return fmt::format("UPDATE {} SET lease_until = lease_until - {}", table, time.count());
}

void execute(const mariadb::DatabaseName& name, const std::string& statement) {
  auto database = mariadb::Database::open(test_mariadb(), name.name, mariadb::Database::Mode::kWrite);
  database.execute(statement);
  database.commit();
}

template <class Port, class Store>
class MemoryBackend final : public Backend<Port> {
 public:
  template <class... Args>
  explicit MemoryBackend(Args... args) : store_(args...) {}
  Port& store() override { return store_; }
  void close() override {}
  void reopen() override {}

 private:
  Store store_;
};

// With leases that end by a clock of its own.
template <class Port, class Store>
class LeasedMemoryBackend final : public Backend<Port> {
 public:
  template <class... Args>
  explicit LeasedMemoryBackend(Args... args) : store_(args..., clock_) {}
  Port& store() override { return store_; }
  void close() override {}
  void reopen() override {}
  void pass(std::chrono::milliseconds time) override { clock_.advance(time); }

 private:
  ManualClock clock_{kNoon};
  Store store_;
};

template <class Port>
class SqliteBackend final : public Backend<Port> {
 public:
  using Open = std::function<Result<std::unique_ptr<Port>>(const std::string& file)>;
  explicit SqliteBackend(Open open) : open_(std::move(open)) { reopen(); }
  Port& store() override { return *store_; }
  void close() override { store_.reset(); }
  void reopen() override {
    close();
    auto opened = open_(dir_.file("store.db"));
    CHECK(opened.has_value());
    store_ = std::move(*opened);
  }
  void pass(std::chrono::milliseconds time) override {
    sqlite::Database::open_writer(dir_.file("store.db")).execute(shorten("shard_head", time));
  }

 private:
  ScratchDir dir_;
  Open open_;
  std::unique_ptr<Port> store_;
};

// A database of its own on the shared server, gone with the backend.
template <class Port>
class MariadbBackend final : public Backend<Port> {
 public:
  using Open = std::function<Result<std::unique_ptr<Port>>(const mariadb::DatabaseName&)>;
  MariadbBackend(mariadb::DatabaseName database, Open open) : scratch_(std::move(database)), open_(std::move(open)) {
    reopen();
  }
  Port& store() override { return *store_; }
  void close() override { store_.reset(); }
  void reopen() override {
    close();
    auto opened = open_(scratch_.name());
    CHECK(opened.has_value());
    store_ = std::move(*opened);
  }
  void pass(std::chrono::milliseconds time) override { execute(scratch_.name(), shorten("member", time)); }

 private:
  ScratchDatabase scratch_;
  Open open_;
  std::unique_ptr<Port> store_;
};

class MariadbOrdersBackend final : public OrderBackend {
 public:
  MariadbOrdersBackend() { reopen(); }
  OrderStore& store() override { return *store_; }
  void close() override { store_.reset(); }
  void reopen() override {
    close();
    store_ = databases_.open().value();
  }
  void pass(std::chrono::milliseconds time) override { execute(databases_.hot(), shorten("shard_head", time)); }

 private:
  ScratchOrders databases_;
  std::unique_ptr<OrderStore> store_;
};

std::unique_ptr<OrderBackend> make_sqlite_orders() {
  return std::make_unique<SqliteBackend<OrderStore>>(
      [](const std::string& file) { return sqlite::OrderStore::open(file, kShard); });
}
std::unique_ptr<LedgerBackend> make_sqlite_ledger() {
  return std::make_unique<SqliteBackend<LedgerStore>>(
      [](const std::string& file) { return sqlite::LedgerStore::open(file); });
}
std::unique_ptr<InboxBackend> make_sqlite_inbox() {
  return std::make_unique<SqliteBackend<InboxStore>>(
      [](const std::string& file) { return sqlite::InboxStore::open(file); });
}
// As deployments have it.
std::unique_ptr<OrderBackend> make_sealed_orders() {
  return std::make_unique<SqliteBackend<OrderStore>>(
      [](const std::string& file) -> Result<std::unique_ptr<OrderStore>> {
        auto below = sqlite::OrderStore::open(file, kShard);
        if (!below) {
          return std::unexpected(below.error());
        }
        return std::make_unique<SealedOrders>(std::move(*below), Key256{7});
      });
}
std::unique_ptr<OrderBackend> make_mariadb_orders() {
  return std::make_unique<MariadbOrdersBackend>();
}
std::unique_ptr<LedgerBackend> make_mariadb_ledger() {
  return std::make_unique<MariadbBackend<LedgerStore>>(
      mariadb::ledger_database(scratch_prefix()),
      [](const mariadb::DatabaseName& name) { return mariadb::LedgerStore::open(test_mariadb(), name); });
}
std::unique_ptr<InboxBackend> make_mariadb_inbox() {
  return std::make_unique<MariadbBackend<InboxStore>>(
      mariadb::inbox_database(scratch_prefix()),
      [](const mariadb::DatabaseName& name) { return mariadb::InboxStore::open(test_mariadb(), name); });
}
std::unique_ptr<MembershipBackend> make_mariadb_membership() {
  return std::make_unique<MariadbBackend<Membership>>(
      mariadb::members_database(scratch_prefix()),
      [](const mariadb::DatabaseName& name) { return mariadb::Membership::open(test_mariadb(), name); });
}
std::unique_ptr<MembershipBackend> make_memory_membership() {
  return std::make_unique<LeasedMemoryBackend<Membership, MemoryMembership>>();
}
std::unique_ptr<InboxBackend> make_memory_inbox() {
  return std::make_unique<MemoryBackend<InboxStore, MemoryInboxStore>>();
}

}  // namespace

std::unique_ptr<OrderBackend> make_memory_orders() {
  return std::make_unique<LeasedMemoryBackend<OrderStore, MemoryOrderStore>>(kShard);
}
std::unique_ptr<LedgerBackend> make_memory_ledger() {
  return std::make_unique<MemoryBackend<LedgerStore, MemoryLedgerStore>>();
}

std::vector<BackendMaker<OrderStore>> durable_order_backends() {
  return {{"sqlite", make_sqlite_orders}, {"mariadb", make_mariadb_orders}};
}
std::vector<BackendMaker<LedgerStore>> durable_ledger_backends() {
  return {{"sqlite", make_sqlite_ledger}, {"mariadb", make_mariadb_ledger}};
}
std::vector<BackendMaker<OrderStore>> order_backends() {
  return {{"sqlite", make_sqlite_orders},
          {"mariadb", make_mariadb_orders},
          {"memory", make_memory_orders},
          {"sealed", make_sealed_orders}};
}
std::vector<BackendMaker<LedgerStore>> ledger_backends() {
  return {{"sqlite", make_sqlite_ledger}, {"mariadb", make_mariadb_ledger}, {"memory", make_memory_ledger}};
}
std::vector<BackendMaker<InboxStore>> inbox_backends() {
  return {{"sqlite", make_sqlite_inbox}, {"mariadb", make_mariadb_inbox}, {"memory", make_memory_inbox}};
}
std::vector<BackendMaker<Membership>> membership_backends() {
  return {{"mariadb", make_mariadb_membership}, {"memory", make_memory_membership}};
}

}  // namespace hongbao

#include "contract/backends.h"

#include "adapters/memory/memory_inbox_store.h"
#include "adapters/memory/memory_ledger_store.h"
#include "adapters/memory/memory_order_store.h"
#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "contract/temp_dir.h"
#include "contract/values.h"

namespace hongbao {
namespace {

template <class Port, class Store>
class MemoryBackend final : public Backend<Port> {
 public:
  template <class... Args>
  explicit MemoryBackend(Args... args) : store_(args...) {}
  Port& store() override { return store_; }
  void reopen() override {}

 private:
  Store store_;
};

template <class Port>
class SqliteBackend final : public Backend<Port> {
 public:
  using Open = std::function<Result<std::unique_ptr<Port>>(const std::string& file)>;
  explicit SqliteBackend(Open open) : open_(std::move(open)) { reopen(); }
  Port& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    auto opened = open_(dir_.file("store.db"));
    CHECK(opened.has_value());
    store_ = std::move(*opened);
  }

 private:
  TempDir dir_;
  Open open_;
  std::unique_ptr<Port> store_;
};

}  // namespace

std::unique_ptr<OrderBackend> make_sqlite_orders() {
  return std::make_unique<SqliteBackend<OrderStore>>(
      [](const std::string& file) { return SqliteOrderStore::open(file, kShard); });
}
std::unique_ptr<OrderBackend> make_memory_orders() {
  return std::make_unique<MemoryBackend<OrderStore, MemoryOrderStore>>(kShard);
}
std::unique_ptr<LedgerBackend> make_sqlite_ledger() {
  return std::make_unique<SqliteBackend<LedgerStore>>(
      [](const std::string& file) { return SqliteLedgerStore::open(file); });
}
std::unique_ptr<LedgerBackend> make_memory_ledger() {
  return std::make_unique<MemoryBackend<LedgerStore, MemoryLedgerStore>>();
}
std::unique_ptr<InboxBackend> make_sqlite_inbox() {
  return std::make_unique<SqliteBackend<InboxStore>>(
      [](const std::string& file) { return SqliteInboxStore::open(file); });
}
std::unique_ptr<InboxBackend> make_memory_inbox() {
  return std::make_unique<MemoryBackend<InboxStore, MemoryInboxStore>>();
}

}  // namespace hongbao

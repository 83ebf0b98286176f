// The adapters under contract. A backend makes a store on fresh data and can close and open it again; the suites are
// parametrised over `order_backends()` and its like.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "ports/inbox_store.h"
#include "ports/ledger_store.h"
#include "ports/order_store.h"

namespace hongbao {

template <class Store>
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Store& store() = 0;
  // Closes the store and opens it on the same data, as after a restart. Memory keeps its one store.
  virtual void reopen() = 0;
};

using OrderBackend = Backend<OrderStore>;
using LedgerBackend = Backend<LedgerStore>;
using InboxBackend = Backend<InboxStore>;

template <class Store>
struct BackendMaker {
  std::string name;
  std::function<std::unique_ptr<Backend<Store>>()> make;
  friend void PrintTo(const BackendMaker& maker, std::ostream* out) { *out << maker.name; }
};

// For INSTANTIATE_TEST_SUITE_P.
template <class Store>
std::string backend_name(const testing::TestParamInfo<BackendMaker<Store>>& info) {
  return info.param.name;
}

// On `kShard`.
std::unique_ptr<OrderBackend> make_sqlite_orders();
std::unique_ptr<OrderBackend> make_memory_orders();
std::unique_ptr<LedgerBackend> make_sqlite_ledger();
std::unique_ptr<LedgerBackend> make_memory_ledger();
std::unique_ptr<InboxBackend> make_sqlite_inbox();
std::unique_ptr<InboxBackend> make_memory_inbox();

}  // namespace hongbao

// The adapters under contract. A backend makes a store on fresh data and can close and open it again; the suites are
// parametrised over `order_backends()` and its like.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "ports/inbox_store.h"
#include "ports/ledger_store.h"
#include "ports/membership.h"
#include "ports/order_store.h"

namespace hongbao {

template <class Store>
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Store& store() = 0;
  // Closes the store, and opens it on the same data, as after a restart. Memory keeps its one store.
  virtual void close() = 0;
  virtual void reopen() = 0;
  // Of stores with leases: each of them is so much nearer to its end, however fast the test runs.
  virtual void pass(std::chrono::milliseconds /*time*/) { CHECK(false); }
};

using OrderBackend = Backend<OrderStore>;
using LedgerBackend = Backend<LedgerStore>;
using InboxBackend = Backend<InboxStore>;
using MembershipBackend = Backend<Membership>;

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

// Every adapter of a port, the order stores on `kShard`. The engines must be there (with_engines.py).
std::vector<BackendMaker<OrderStore>> order_backends();
std::vector<BackendMaker<LedgerStore>> ledger_backends();
std::vector<BackendMaker<InboxStore>> inbox_backends();
std::vector<BackendMaker<Membership>> membership_backends();
// Those that keep what they have: all but memory, which the others are compared with.
std::vector<BackendMaker<OrderStore>> durable_order_backends();
std::vector<BackendMaker<LedgerStore>> durable_ledger_backends();

std::unique_ptr<OrderBackend> make_memory_orders();
std::unique_ptr<LedgerBackend> make_memory_ledger();

}  // namespace hongbao

// The reading half of an order store, over readers of what is hot and of what is cold; an adapter's store derives from
// it and adds the writing one. `Engine` is as in storage/order_day.h, with
//   ReaderPool<Reader>   `use(function)` returns function(Reader&), which may run more than once
//   ColdDays             `use(stored, function)` returns function(OrderDay<Engine>&), likewise
//
// Threads: any. Errors: as `guard` has them.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/guard.h"
#include "storage/log_index.h"
#include "storage/order_reader.h"

namespace hongbao {

template <class Engine>
class OrderReads : public OrderStore {
 public:
  // As the port says. `load_hot` is the port's too: `hot_packet` is for a store whose cold days are slower.
  Result<ShardHead> head() final;
  Result<ShardTenure> tenure() final;
  Result<std::optional<StoredPacket>> load(const PacketKey& packet) final;
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t vouchers_max) final;
  Result<std::vector<PacketKey>> due(Timestamp now, size_t packets_max) final;
  Result<OrderTotals> totals(VoucherNo since) final;
  Result<std::vector<PacketViolation>> violations(size_t max) final;
  Result<std::vector<StoredDay>> days() final;

 protected:
  using Reader = OrderReader<Engine>;
  using Readers = typename Engine::template ReaderPool<Reader>;
  using ColdDays = typename Engine::ColdDays;

  // Members of the store, which are made after this and unmade before; nothing is read until they are there.
  OrderReads(Readers& hot, ColdDays& cold) : hot_(hot), cold_(cold) {}

  Result<HotPacket> hot_packet(const PacketKey& packet);
  // Vouchers in the order of their numbers, after their commit.
  void note_committed(std::span<const Voucher> vouchers) { log_index_.append(vouchers); }

 private:
  using Error = typename Engine::Error;
  using OfDay = OrderDay<Engine>;
  template <class Function>
  auto read(std::string_view what, Function function) {
    return guard<Error>(what, [&] { return hot_.use(function); });
  }

  Readers& hot_;
  ColdDays& cold_;
  LogIndex log_index_;
};

template <class Engine>
Result<ShardHead> OrderReads<Engine>::head() {
  return read("order_store.head", [](Reader& reader) { return reader.head(); });
}

template <class Engine>
Result<ShardTenure> OrderReads<Engine>::tenure() {
  return read("order_store.tenure", [](Reader& reader) { return reader.tenure(); });
}

template <class Engine>
Result<std::optional<StoredPacket>> OrderReads<Engine>::load(const PacketKey& packet) {
  return guard<Error>("order_store.load", [&]() -> std::optional<StoredPacket> {
    ColdParts cold;
    auto found = hot_.use([&](Reader& reader) { return reader.load(packet, cold); });
    for (size_t i = 0; !found && i < cold.size(); ++i) {
      found = cold_.use(cold[i], [&](OfDay& day) { return day.load(packet.local); });
    }
    return found;
  });
}

template <class Engine>
Result<OrderStore::HotPacket> OrderReads<Engine>::hot_packet(const PacketKey& packet) {
  return read("order_store.load_hot", [&](Reader& reader) {
    ColdParts cold;
    auto found = reader.load(packet, cold);
    const bool may_be_cold = !found && !cold.empty();
    return OrderStore::HotPacket{std::move(found), may_be_cold};
  });
}

template <class Engine>
Result<std::vector<Voucher>> OrderReads<Engine>::read_log(VoucherNo from, size_t vouchers_max) {
  return guard<Error>("order_store.read_log", [&] {
    ColdParts cold;
    auto piece = hot_.use([&](Reader& reader) { return reader.read_log(from, vouchers_max, log_index_, cold); });
    for (const StoredDay& stored : cold) {
      const auto part = cold_.use(stored, [&](OfDay& day) {
        std::vector<Voucher> vouchers;
        day.log(from, piece.end, vouchers);
        return vouchers;
      });
      piece.vouchers.insert(piece.vouchers.end(), part.begin(), part.end());
    }
    return sorted_log(std::move(piece.vouchers), from, piece.end);
  });
}

template <class Engine>
Result<std::vector<PacketKey>> OrderReads<Engine>::due(Timestamp now, size_t packets_max) {
  return read("order_store.due", [&](Reader& reader) { return reader.due(now, packets_max); });
}

template <class Engine>
Result<OrderTotals> OrderReads<Engine>::totals(VoucherNo since) {
  return guard<Error>("order_store.totals", [&] {
    ColdParts cold;
    auto totals = hot_.use([&](Reader& reader) { return reader.totals(since, cold); });
    for (const StoredDay& stored : cold) {
      totals.unsettled += cold_.use(stored, [&](OfDay& day) { return day.sums(since); });
    }
    return totals;
  });
}

template <class Engine>
Result<std::vector<PacketViolation>> OrderReads<Engine>::violations(size_t max) {
  return guard<Error>("order_store.violations", [&] {
    ColdParts cold;
    auto violations = hot_.use([&](Reader& reader) { return reader.violations(max, cold); });
    for (size_t i = 0; violations.size() < max && i < cold.size(); ++i) {
      const auto more = cold_.use(cold[i], [&](OfDay& day) {
        std::vector<PacketViolation> of_part;
        day.add_violations(max - violations.size(), of_part);
        return of_part;
      });
      violations.insert(violations.end(), more.begin(), more.end());
    }
    return violations;
  });
}

template <class Engine>
Result<std::vector<StoredDay>> OrderReads<Engine>::days() {
  return read("order_store.days", [](Reader& reader) { return reader.days(); });
}

}  // namespace hongbao

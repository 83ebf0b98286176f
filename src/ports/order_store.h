// The order store: one database a shard, the truth. It holds the shard's head (fencing epoch, owner and its lease, next
// voucher), and for each day the packets and their vouchers, which are the shard's log (ports/voucher_log.h). A shard's
// writer commits through it; everyone else only reads. Old days are moved to cold storage, where they are read as
// before.
//
// The epoch is the fence and alone keeps the log right: whoever has an old one can't write. The lease, by the
// database's clock, only keeps others from taking the shard of an owner that lives.
//
// Threads: `acquire`, `renew`, `release` and `commit` are called by the shard's one writer, `archive` by one thread at
// a time; every other function may be called from any thread at any time and sees only committed data.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "core/packet.h"
#include "core/stored_day.h"
#include "core/voucher.h"
#include "ports/voucher_log.h"

namespace hongbao {

// For a shard that only one process can open. A century, so that sums with it stay in range.
inline constexpr std::chrono::milliseconds kLeaseForever = std::chrono::hours(24) * 36'500;

// Who has a shard: a process of a node. The incarnation rises with every start of a node, so that its next process
// takes the node's shards at once, and one that was replaced can't take them back.
struct ShardOwner {
  std::string name;
  uint64_t incarnation = 0;

  // A name alone is enough where only one process can have it.
  template <class Name>
    requires std::convertible_to<Name, std::string_view>
  ShardOwner(const Name& owner, uint64_t number = 0) : name(std::string_view(owner)), incarnation(number) {}
};

// Who has the shard, as the database knows it.
struct ShardTenure {
  ShardHead head;
  std::string owner;                        // the last one; empty: nobody ever had it
  std::chrono::milliseconds lease_left{0};  // by the database's clock; 0: it has ended, and anybody may take the shard
};

// One transaction. All of it takes effect, or none.
struct CommitBatch {
  uint32_t epoch = 0;             // the head must still hold this epoch …
  VoucherNo expected_next;        // … and this number; it moves past the last voucher
  std::vector<Order> activated;   // rows to insert, with the state the packet has after this batch
  std::vector<Voucher> vouchers;  // numbered expected_next, +1, …; never empty
  struct Finished {
    PacketKey packet;
    PacketState state;
  };
  std::vector<Finished> finished;  // rows whose state changes; may name packets of `activated`

  [[nodiscard]] VoucherNo next() const { return expected_next + vouchers.size(); }
  // What `commit` requires.
  void check(ShardId shard) const {
    CHECK(!vouchers.empty());
    for (size_t i = 0; i < vouchers.size(); ++i) {
      CHECK(vouchers[i].no == expected_next + i);
      CHECK(vouchers[i].packet.shard == shard);
    }
  }
  void clear() {
    activated.clear();
    vouchers.clear();
    finished.clear();
  }
};

enum class CommitOutcome : uint8_t {
  kCommitted,  // durable, and the lease runs anew from here
  kFenced,     // the head has another epoch: nothing was written, and this writer must stop
  kUnknown,    // it may or may not be durable: acquire again and compare the head with `expected_next` and `next()`
};

struct StoredPacket {
  Order order;
  PacketState state = PacketState::kActive;
  std::vector<Voucher> opened;  // by seq; from 1, without gaps, unless damaged
  std::optional<Voucher> refunded;

  // A voucher as it was stored; those that were opened come in the order of their seq. What is damaged stays so, and
  // whoever takes the packet into memory looks at it.
  void add(Voucher voucher) {
    if (voucher.kind == VoucherKind::kOpened) {
      opened.push_back(std::move(voucher));
    } else if (voucher.kind == VoucherKind::kRefunded) {
      refunded = std::move(voucher);
    }
  }
};

// One consistent reading of a shard, for the audit.
struct OrderTotals {
  VoucherNo next_voucher;
  uint64_t packets = 0;
  uint64_t packets_active = 0;
  Money packets_total;  // over the rows of all packets
  // Over all vouchers, and over those from `since` on.
  VoucherSums all;
  VoucherSums unsettled;

  // A cold part, but for what it holds of `unsettled`.
  void add_cold(const DayTotals& part) {
    packets += part.packets;
    packets_total = packets_total.plus_clamped(part.packets_total);
    all += part.sums;
  }
};

// A day moves in pieces of at most so many rows. `GoOn` is asked between them; when it says no, the work ends.
inline constexpr size_t kMoveRowsMax = 512;
using GoOn = std::function<bool()>;

// A packet whose rows contradict each other.
struct PacketViolation {
  PacketKey packet;
  std::string rule;
};

class OrderStore : public VoucherLog {
 public:
  // Takes the shard for `lease`: raises the epoch in the head, which fences every earlier owner, and returns the head.
  // Whatever an earlier owner's commit left on its way has landed then, or never will. kFenced: the lease of another
  // owner stands, or that of a later process with the same name. An owner may take its shard again at any time, and so
  // may a later process with its name.
  virtual Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) = 0;

  // The lease, as long as it was acquired for, runs anew. False: the head has another epoch.
  virtual Result<bool> renew(uint32_t epoch) = 0;
  // Ends the lease at once, so that another owner need not wait. Nothing happens when the head has another epoch.
  virtual Result<void> release(uint32_t epoch) = 0;

  // REQUIRES: vouchers not empty and numbered without gaps from expected_next; a voucher names a packet that is stored
  // or in `activated`, and no key that is there. A batch that contradicts what is stored all the same, because that is
  // damaged, is kUnknown: the caller finds that nothing was written, and reads what is there.
  virtual CommitOutcome commit(const CommitBatch& batch) = 0;

  virtual Result<ShardTenure> tenure() = 0;

  // nullopt for a packet that was never activated.
  virtual Result<std::optional<StoredPacket>> load(const PacketKey& packet) = 0;
  // As `load`, but never waits for cold storage: that may be slow, or away, while the rest is well. A store whose cold
  // days are no slower than the others need not tell them apart.
  struct HotPacket {
    std::optional<StoredPacket> packet;
    bool may_be_cold = false;  // it is not hot, and only `load` can tell whether it is at all
  };
  virtual Result<HotPacket> load_hot(const PacketKey& packet) {
    auto found = load(packet);
    return found ? Result<HotPacket>(HotPacket{std::move(*found)}) : std::unexpected(found.error());
  }

  // Up to `packets_max` active packets with expires_at ≤ now, oldest day first.
  virtual Result<std::vector<PacketKey>> due(Timestamp now, size_t packets_max) = 0;

  virtual Result<OrderTotals> totals(VoucherNo since) = 0;

  // Reads every packet with its vouchers and returns up to `max` that break a rule: paid = total; opened + refunded =
  // total once finished and ≤ total before; shares numbered 1…n with n ≤ count, = count when exhausted; every share at
  // least the least share. Slow: for audits.
  virtual Result<std::vector<PacketViolation>> violations(size_t max) = 0;

  // Every part of every day, oldest first.
  virtual Result<std::vector<StoredDay>> days() = 0;

  // Moves what is hot of a day to cold storage: copies it, reads both sides, and drops the hot one when count and
  // checksum agree. Rows are readable on one side or the other at every moment. May end anywhere, also by a crash, and
  // be called again. Takes as long as there are rows. True: nothing of the day is hot now; false: `go_on` said no.
  // Errors: kFenced, `epoch` is not the head's; kUnavailable, a packet of the day is active, or came meanwhile;
  // kStorage, also when the copy is not what was copied (it is thrown away then).
  virtual Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) = 0;
};

}  // namespace hongbao

// The faults a scenario can name, and whether one strikes now. Rates are strikes in 10,000 opportunities. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sim/dice.h"
#include "sim/history.h"

namespace hongbao::sim {

enum class Fault : uint8_t {
  kCrash,           // between any two steps
  kCrashOnAnswer,   // some callers of a batch were answered, the others are not
  kCrashOnPublish,  // committed, but neither published nor answered
  kCrashOnAcquire,  // the epoch is raised, and nobody knows
  kCleanStop,       // a node leaves and gives its shards back
  kReplaced,        // a new process has a node's name, and the old one goes on
  kStopped,         // SIGSTOP, past the lease or not: between two steps, and likewise below
  kStoppedInCall,   // before or after an engine did what it was asked
  kStoppedAtClock,  // wherever the code looks at a clock
  kCutOff,          // a process that reaches no database for a while
  kBeatUnknown,     // a node that says it lives is told nothing
  kLinkDown,        // a call to another node does not leave
  kLinkLostBefore,  // it left, and does not arrive
  kLinkLostWhile,   // whoever asked is told nothing, and it arrives, or is carried out, all the same
  kLinkLostAfter,   // its answer does not arrive
  kOrdersAcquireUnknown,
  kOrdersRenewUnknown,
  kOrdersReleaseUnknown,
  kOrdersLoadSlow,     // what was read is old when it arrives
  kOrdersCrashBefore,  // the commit of an order store, and likewise below
  kOrdersCrashDuring,  // it lands later, or is fenced
  kOrdersCrashAfter,
  kOrdersUnknownLost,
  kOrdersUnknownLanded,
  kOrdersUnknownLate,
  kOrdersRefuse,  // for a while
  kLedgerCrashBefore,
  kLedgerCrashDuring,
  kLedgerCrashAfter,
  kLedgerUnknownLost,
  kLedgerUnknownLanded,
  kLedgerUnknownLate,
  kLedgerRefuses,
  kInboxCrashBefore,
  kInboxCrashAfter,
  kInboxUnknownLost,
  kInboxUnknownLanded,
  kInboxRefuses,
  kStreamLost,
  kStreamRepeated,  // a message from any time, however long ago
  kStreamReordered,
  kStreamForged,  // somebody without the key writes a message, or changes one
  kStreamDown,
  kCacheWiped,
  kCacheStale,  // an entry that is there is not seen
  kCacheRefuses,
  kNotificationRepeated,
  kNotificationLate,          // after the order lapsed, often
  kNotificationAfterRestart,  //
  kClockHourForward,
  kClockHourBack,
  kClockDayForward,
  kClockDayBack,
  kDatabaseClockForward,  // all leases lapse before their owners think so
  kAccountFrozen,
  kRestored,  // all processes die, and all stores go back to an earlier copy of all of them
};
inline constexpr size_t kFaults = static_cast<size_t>(Fault::kRestored) + 1;

// As scenarios spell it.
std::string_view to_text(Fault fault);

template <class T>
struct PerFault : std::array<T, kFaults> {
  T& operator[](Fault fault) { return this->at(static_cast<size_t>(fault)); }
  const T& operator[](Fault fault) const { return this->at(static_cast<size_t>(fault)); }
};
using FaultRates = PerFault<uint32_t>;
using FaultCounts = PerFault<uint64_t>;

// Thrown through the product's code: the process is gone, with everything it had in memory.
struct Crash {};

class Faults {
 public:
  Faults(const FaultRates& rates, Dice& dice, History& history) : rates_(rates), dice_(dice), history_(history) {}

  bool strikes(Fault fault);
  void crash_if(Fault fault) {
    if (strikes(fault)) {
      throw Crash{};
    }
  }

  // From now on nothing strikes.
  void stop() { stopped_ = true; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] const FaultCounts& struck() const { return struck_; }

 private:
  const FaultRates& rates_;
  Dice& dice_;
  History& history_;
  FaultCounts struck_{};
  bool stopped_ = false;
};

}  // namespace hongbao::sim

// What a run counted. A value; each player fills its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "apps/load/latency.h"

namespace hongbao::load {

struct Stats {
  uint64_t sends = 0;             // sent and paid
  uint64_t opens = 0;             // shares answered, each once
  uint64_t late_opens = 0;        // exhausted or expired answers to open
  uint64_t late_grabs = 0;        // the same to grab
  uint64_t grabs = 0;             // answered
  uint64_t views = 0;             // answered
  uint64_t requests = 0;          // answers of any status
  uint64_t broken = 0;            // retried: the connection broke, or no answer came in time
  uint64_t refused = 0;           // retried: no connection
  uint64_t overloaded = 0;        // retried: 429 or 503
  uint64_t failed = 0;            // retried: another 5xx
  uint64_t rejected = 0;          // not retried: 4xx
  uint64_t given_up = 0;          // not answered after all retries
  uint64_t dropped = 0;           // never sent, because the packet was never sent or paid
  uint64_t held_back = 0;         // started late because every connection was in use
  LatencyHistogram open_latency;  // of opens that gave a share
  LatencyHistogram latency;       // of all requests, from the intended time to the answer that was not retried
  std::map<std::string, uint64_t> rejections;  // by status and start of the body; at most kRejectionsMax

  static constexpr size_t kRejectionsMax = 20;

  [[nodiscard]] uint64_t retries() const { return broken + refused + overloaded + failed; }
  [[nodiscard]] uint64_t late_answers() const { return late_opens + late_grabs; }

  Stats& operator+=(const Stats& other) {
    sends += other.sends;
    opens += other.opens;
    late_opens += other.late_opens;
    late_grabs += other.late_grabs;
    grabs += other.grabs;
    views += other.views;
    requests += other.requests;
    broken += other.broken;
    refused += other.refused;
    overloaded += other.overloaded;
    failed += other.failed;
    rejected += other.rejected;
    given_up += other.given_up;
    dropped += other.dropped;
    held_back += other.held_back;
    open_latency += other.open_latency;
    latency += other.latency;
    for (const auto& [what, count] : other.rejections) {
      rejections[what] += count;
    }
    return *this;
  }
};

}  // namespace hongbao::load

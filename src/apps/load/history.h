// What a run was answered. In memory it is kept by packet and compactly, for the checks after the run; on disk it is
// one JSON object a line, one for every answer, so that a later `check` can hold a restarted server to it.
//
// Lines: run {run,users,deposit}; send {packet,sender,kind,allocation,total,count,commitment,recipient?}; pay {packet};
// grab, open {packet,user,outcome,seq?,amount?,voucher?}; unknown {op,packet?,user}: a request that may have taken
// effect but was never answered; end: the run came to its end, so that no unknown is missing. All have `t`, Unix ms.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/load/night.h"
#include "base/clock.h"
#include "base/result.h"
#include "core/money.h"
#include "core/packet.h"

namespace hongbao::load {

struct ShareAnswer {
  uint32_t user = 0;
  uint32_t seq = 0;
  Money amount;
  uint64_t voucher = 0;

  friend bool operator==(const ShareAnswer&, const ShareAnswer&) = default;
};

enum class Outcome : uint8_t { kTicket, kOpened, kExhausted, kExpired, kNotForYou };
std::string_view to_text(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view text);

struct PacketRecord {
  std::string id;  // empty until the send was answered
  uint32_t sender = 0;
  uint32_t recipient = 0;  // exclusive packets only
  PacketKind kind = PacketKind::kLucky;
  Rule rule = Rule::kClassic;
  Money total;
  uint32_t count = 0;
  std::string commitment;
  bool paid = false;
  bool uncertain = false;  // a pay or an open may have taken effect unanswered
  bool said_exhausted = false;
  bool said_expired = false;
  std::vector<ShareAnswer> shares;
  std::vector<std::string> contradictions;  // answers that differ from an earlier one; at most kContradictionsMax

  static constexpr size_t kContradictionsMax = 3;

  // True when it is the user's first.
  bool note_share(const ShareAnswer& share);
  void note_outcome(Outcome outcome);
};

struct RunRecord {
  std::string run;  // part of every user's name, so that two runs share none
  uint32_t users = 0;
  Money deposit;  // that each user began with
  bool complete = false;
  std::vector<PacketRecord> packets;
  std::set<uint32_t> uncertain_users;  // whose balance may differ by an unanswered pay or open

  [[nodiscard]] std::string user_name(uint32_t user) const;
  [[nodiscard]] std::optional<uint32_t> user_number(std::string_view name) const;
};

// The file; shared by all players. Any thread.
class HistoryFile {
 public:
  // An empty path writes nowhere. kConfig.
  static Result<std::unique_ptr<HistoryFile>> create(const std::string& path);
  ~HistoryFile();
  HistoryFile(const HistoryFile&) = delete;
  HistoryFile& operator=(const HistoryFile&) = delete;

  [[nodiscard]] bool wanted() const { return fd_ >= 0; }
  // `lines` is whole lines.
  void append(std::string_view lines);
  // kStorage when the disk refused some.
  [[nodiscard]] Result<void> outcome();

 private:
  HistoryFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  std::mutex mutex_;
  int fd_;
  int error_ = 0;  // guarded by mutex_
};

// Makes lines and hands them over in blocks. Each player has one; one thread.
class HistoryWriter {
 public:
  // Both outlive it.
  HistoryWriter(HistoryFile& file, const RunRecord& run) : file_(file), run_(run) {}

  void run_started(Timestamp at);
  void sent(const PacketRecord& packet, Timestamp at);
  void paid(const PacketRecord& packet, Timestamp at);
  void answered(Op op, const PacketRecord& packet, uint32_t user, Outcome outcome, const ShareAnswer* share,
                Timestamp at);
  void unknown(Op op, const PacketRecord& packet, uint32_t user, Timestamp at);
  void run_ended(Timestamp at);
  void flush();

 private:
  void end_line(Timestamp at);

  static constexpr size_t kBlockBytes = 64 * 1024;
  HistoryFile& file_;
  const RunRecord& run_;
  std::string block_;
};

// A line that a killed generator left half written ends the history.
Result<RunRecord> read_history(const std::string& path);

}  // namespace hongbao::load

#include "apps/load/history.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>
#include <unordered_map>

#include "apps/load/answer.h"
#include "base/input_file.h"

namespace hongbao::load {
namespace {

constexpr std::array<std::string_view, 5> kOutcomes{"ticket", "opened", "exhausted", "expired", "not_for_you"};
constexpr std::array<std::string_view, 6> kOps{"send", "pay", "grab", "open", "view", "view_shares"};

}  // namespace

std::string_view to_text(Outcome outcome) {
  return kOutcomes.at(static_cast<size_t>(outcome));
}

std::optional<Outcome> parse_outcome(std::string_view text) {
  const auto* found = std::find(kOutcomes.begin(), kOutcomes.end(), text);
  return found == kOutcomes.end() ? std::nullopt : std::optional(static_cast<Outcome>(found - kOutcomes.begin()));
}

bool PacketRecord::note_share(const ShareAnswer& share) {
  const auto known = std::find_if(shares.begin(), shares.end(), [&](const auto& s) { return s.user == share.user; });
  if (known == shares.end()) {
    shares.push_back(share);
    return true;
  }
  if (*known != share && contradictions.size() < kContradictionsMax) {
    contradictions.push_back(fmt::format("user {} was answered share {} of {} fen (voucher {}), then {} of {} ({})",
                                         share.user, known->seq, known->amount.fen(), known->voucher, share.seq,
                                         share.amount.fen(), share.voucher));
  }
  return false;
}

void PacketRecord::note_outcome(Outcome outcome) {
  said_exhausted |= outcome == Outcome::kExhausted;
  said_expired |= outcome == Outcome::kExpired;
}

std::string RunRecord::user_name(uint32_t user) const {
  return fmt::format("{}-{}", run, user);
}

std::optional<uint32_t> RunRecord::user_number(std::string_view name) const {
  if (!name.starts_with(run) || name.size() < run.size() + 2 || name[run.size()] != '-') {
    return std::nullopt;
  }
  uint32_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + run.size() + 1, end, number);
  return error == std::errc() && stop == end && number < users ? std::optional(number) : std::nullopt;
}

Result<std::unique_ptr<HistoryFile>> HistoryFile::create(const std::string& path) {
  if (path.empty()) {
    return std::unique_ptr<HistoryFile>(new HistoryFile(path, -1));
  }
  const auto fd = open_output_file(path);
  if (!fd) {
    return fail(ErrorCode::kConfig, fd.error().detail, "--history");
  }
  [[maybe_unused]] const int ignored = ::ftruncate(*fd, 0);  // a device has no length
  return std::unique_ptr<HistoryFile>(new HistoryFile(path, *fd));
}

HistoryFile::~HistoryFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void HistoryFile::append(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  while (fd_ >= 0 && error_ == 0 && !lines.empty()) {
    const ssize_t written = ::write(fd_, lines.data(), lines.size());
    if (written < 0 && errno != EINTR) {
      error_ = errno;
    }
    lines.remove_prefix(static_cast<size_t>(std::max<ssize_t>(0, written)));
  }
}

Result<void> HistoryFile::outcome() {
  const std::lock_guard lock(mutex_);
  return error_ == 0 ? Result<void>()
                     : fail(ErrorCode::kStorage,
                            fmt::format("{} can't be written: {}", path_, std::generic_category().message(error_)),
                            "--history");
}

void HistoryWriter::run_started(Timestamp at) {
  fmt::format_to(std::back_inserter(block_), R"({{"type":"run","run":"{}","users":{},"deposit":{})", run_.run,
                 run_.users, run_.deposit.fen());
  end_line(at);
}

void HistoryWriter::sent(const PacketRecord& packet, Timestamp at) {
  if (!file_.wanted()) {
    return;
  }
  fmt::format_to(
      std::back_inserter(block_),
      R"({{"type":"send","packet":"{}","sender":"{}-{}","kind":"{}","allocation":"{}","total":{},"count":{},"commitment":"{}")",
      packet.id, run_.run, packet.sender, to_text(packet.kind), to_text(packet.rule), packet.total.fen(), packet.count,
      packet.commitment);
  if (packet.kind == PacketKind::kExclusive) {
    fmt::format_to(std::back_inserter(block_), R"(,"recipient":"{}-{}")", run_.run, packet.recipient);
  }
  end_line(at);
}

void HistoryWriter::paid(const PacketRecord& packet, Timestamp at) {
  if (!file_.wanted()) {
    return;
  }
  fmt::format_to(std::back_inserter(block_), R"({{"type":"pay","packet":"{}")", packet.id);
  end_line(at);
}

void HistoryWriter::answered(Op op, const PacketRecord& packet, uint32_t user, Outcome outcome,
                             const ShareAnswer* share, Timestamp at) {
  if (!file_.wanted()) {
    return;
  }
  fmt::format_to(std::back_inserter(block_), R"({{"type":"{}","packet":"{}","user":"{}-{}","outcome":"{}")",
                 kOps.at(static_cast<size_t>(op)), packet.id, run_.run, user, to_text(outcome));
  if (share != nullptr) {
    fmt::format_to(std::back_inserter(block_), R"(,"seq":{},"amount":{},"voucher":{})", share->seq, share->amount.fen(),
                   share->voucher);
  }
  end_line(at);
}

void HistoryWriter::unknown(Op op, const PacketRecord& packet, uint32_t user, Timestamp at) {
  if (!file_.wanted()) {
    return;
  }
  fmt::format_to(std::back_inserter(block_), R"({{"type":"unknown","op":"{}","packet":"{}","user":"{}-{}")",
                 kOps.at(static_cast<size_t>(op)), packet.id, run_.run, user);
  end_line(at);
}

void HistoryWriter::run_ended(Timestamp at) {
  block_ += R"({"type":"end")";
  end_line(at);
  flush();
}

void HistoryWriter::end_line(Timestamp at) {
  fmt::format_to(std::back_inserter(block_), ",\"t\":{}}}\n", at.unix_ms);
  if (block_.size() >= kBlockBytes) {
    flush();
  }
}

void HistoryWriter::flush() {
  if (!block_.empty()) {
    file_.append(block_);
    block_.clear();
  }
}

namespace {

// Puts the lines of a file back together.
class HistoryReader {
 public:
  // False when the line makes no sense.
  bool take(const boost::json::object& line) {
    const std::string_view type = text_of(line, "type").value_or("");
    if (type == "run") {
      run_.run = text_of(line, "run").value_or("");
      const int64_t users = integer_of(line, "users").value_or(0);
      run_.deposit = Money(integer_of(line, "deposit").value_or(0));
      if (run_.run.empty() || users < 1 || users > kUsersMax) {
        return false;
      }
      run_.users = static_cast<uint32_t>(users);
      return true;
    }
    if (type == "end") {
      return run_.complete = true;
    }
    if (type == "send") {
      return take_send(line);
    }
    if (type == "unknown") {
      return take_unknown(line);
    }
    PacketRecord* packet = packet_of(line);
    if (packet == nullptr) {
      return false;
    }
    if (type == "pay") {
      return packet->paid = true;
    }
    return (type == "grab" || type == "open") && take_answer(line, *packet);
  }

  RunRecord finish() { return std::move(run_); }

 private:
  PacketRecord* packet_of(const boost::json::object& line) {
    const auto found = by_id_.find(std::string(text_of(line, "packet").value_or("")));
    return found == by_id_.end() ? nullptr : &run_.packets[found->second];
  }

  bool take_send(const boost::json::object& line) {
    PacketRecord packet;
    packet.id = text_of(line, "packet").value_or("");
    packet.sender = run_.user_number(text_of(line, "sender").value_or("")).value_or(0);
    packet.recipient = run_.user_number(text_of(line, "recipient").value_or("")).value_or(0);
    const auto kind = parse_packet_kind(text_of(line, "kind").value_or(""));
    const auto rule = parse_rule(text_of(line, "allocation").value_or(""));
    if (packet.id.empty() || !kind || !rule) {
      return false;
    }
    packet.kind = *kind;
    packet.rule = *rule;
    packet.total = Money(integer_of(line, "total").value_or(0));
    packet.count = static_cast<uint32_t>(integer_of(line, "count").value_or(0));
    packet.commitment = text_of(line, "commitment").value_or("");
    by_id_.emplace(packet.id, run_.packets.size());
    run_.packets.push_back(std::move(packet));
    return true;
  }

  bool take_unknown(const boost::json::object& line) {
    if (const auto user = run_.user_number(text_of(line, "user").value_or(""))) {
      run_.uncertain_users.insert(*user);
    }
    if (PacketRecord* packet = packet_of(line)) {
      packet->uncertain = true;
    }
    return true;
  }

  bool take_answer(const boost::json::object& line, PacketRecord& packet) {
    const auto outcome = parse_outcome(text_of(line, "outcome").value_or(""));
    const auto user = run_.user_number(text_of(line, "user").value_or(""));
    if (!outcome || !user) {
      return false;
    }
    packet.note_outcome(*outcome);
    if (const auto seq = integer_of(line, "seq")) {
      packet.note_share({*user, static_cast<uint32_t>(*seq), Money(integer_of(line, "amount").value_or(0)),
                         static_cast<uint64_t>(integer_of(line, "voucher").value_or(0))});
    }
    return true;
  }

  RunRecord run_;
  std::unordered_map<std::string, size_t> by_id_;
};

}  // namespace

Result<RunRecord> read_history(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return fail(ErrorCode::kStorage, fmt::format("can't read {}", path));
  }
  HistoryReader history;
  JsonReader json;
  std::string text;
  for (uint64_t number = 1; std::getline(file, text); ++number) {
    const boost::json::object* line = json.read(text);
    if (line == nullptr && file.eof()) {
      break;
    }
    if (line == nullptr || !history.take(*line)) {
      return fail(ErrorCode::kMalformedJson, fmt::format("{}:{} is not a line of a history", path, number));
    }
  }
  RunRecord run = history.finish();
  if (run.users == 0) {
    return fail(ErrorCode::kMalformedJson, fmt::format("{} has no line of type \"run\"", path));
  }
  return run;
}

}  // namespace hongbao::load

// What the cache keeps of things that have several fields: a byte that names the layout, the fields, a checksum. A
// cache may hold anything, also what another version wrote: what does not read back whole is as good as absent. Pure;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "core/money.h"

namespace hongbao {

// A layout that changes gets another number.
enum class RecordLayout : uint8_t { kFinishedPacket = 1, kProfile = 4, kSentHead = 5, kReceivedHead = 6 };

class RecordWriter {
 public:
  explicit RecordWriter(RecordLayout layout) : bytes_(1, static_cast<char>(layout)) {}

  void number(uint64_t value);  // LEB128
  void money(Money value) { number(static_cast<uint64_t>(value.fen())); }
  void time(Timestamp value) { number(static_cast<uint64_t>(value.unix_ms)); }
  void text(std::string_view value);
  [[nodiscard]] std::string finish() &&;

 private:
  std::string bytes_;
};

// Reads the fields in the order they were written. After the first that is not there or not in range, all are 0 or
// empty, and `complete` is false.
class RecordReader {
 public:
  // `bytes` outlives the reader and the texts it gives.
  RecordReader(std::string_view bytes, RecordLayout layout);
  RecordReader(std::string&& bytes, RecordLayout layout) = delete;

  uint64_t number(uint64_t greatest);
  Money money() { return Money(static_cast<int64_t>(number(kFenMax))); }
  Timestamp time() { return {static_cast<int64_t>(number(kTimeMax_ms))}; }
  std::string_view text();
  // Nothing was wrong, and nothing is left.
  [[nodiscard]] bool complete() const { return good_ && left_.empty(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  static constexpr uint64_t kFenMax = uint64_t{1} << 53;
  static constexpr uint64_t kTimeMax_ms = uint64_t{1} << 47;  // the year 6429

  std::string_view left_;
  bool good_ = false;
};

}  // namespace hongbao

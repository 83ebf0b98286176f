// The one way in which records are written into the cache: a byte that names the layout, the fields, a checksum over
// both and the cache key. A cache may hold anything, also what another version wrote or what belongs to another key:
// what does not read back whole is as good as absent. Pure; any thread. Byte layouts: docs/FORMATS.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "core/money.h"

namespace hongbao {

// Names what is written, and its version: a layout that changes gets a number that none had before. 1 to 7 were used by
// earlier versions.
enum class RecordLayout : uint8_t {
  kProfile = 8,
  kSentHead = 9,
  kReceivedHead = 10,
  kPreOrder = 11,
  kFinishedPacket = 12,
};

class RecordWriter {
 public:
  // `key`: the cache key that the record will lie under. It outlives the writer.
  RecordWriter(RecordLayout layout, std::string_view key) : key_(key), bytes_(1, static_cast<char>(layout)) {}

  void number(uint64_t value);  // LEB128
  void money(Money value) { number(static_cast<uint64_t>(value.fen())); }
  void time(Timestamp value) { number(static_cast<uint64_t>(value.unix_ms)); }
  void text(std::string_view value);
  [[nodiscard]] std::string finish() &&;

 private:
  std::string_view key_;
  std::string bytes_;
};

// Reads the fields in the order they were written. After the first that is not there or not in range, all are 0 or
// empty, and `complete` is false.
class RecordReader {
 public:
  // `key`: the cache key that the record was found under. `bytes` outlives the reader and the texts it gives.
  RecordReader(std::string_view bytes, RecordLayout layout, std::string_view key);
  RecordReader(std::string&& bytes, RecordLayout layout, std::string_view key) = delete;

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

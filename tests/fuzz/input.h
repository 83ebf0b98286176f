// A fuzzer's input, taken as lines of text, so that a corpus file can be read and written by hand; and what the fuzzers
// share. Every input means something: lines that are missing are empty, numbers that are missing are 0.
//
// The fuzzers state properties with CHECK, which stops the process; libFuzzer keeps the input that did it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "core/ids.h"

namespace hongbao {

// The fuzzers' fixed keys; the tokens in the corpora are made under them.
constexpr Key128 kFuzzKey128{'f', 'u', 'z', 'z'};
constexpr Key256 kFuzzKey256{'f', 'u', 'z', 'z'};
constexpr Timestamp kFuzzNow{1'795'384'267'000};  // 2026-11-22

class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  // What stands before the next newline.
  std::string_view line();
  // The decimal digits that a line begins with, modulo 2^64.
  uint64_t number();
  uint64_t number_below(uint64_t bound) { return number() % bound; }
  // All that is left.
  [[nodiscard]] std::string_view rest() const { return rest_; }
  // A line as a user; "alice" when it names none.
  UserId user();
  // Four lines as a key that could exist: region, shard, day since 2000, local number.
  PacketKey packet();

 private:
  std::string_view rest_;
};

// `text` with one character replaced, inserted or erased, as three lines of the input say; never `text` itself.
std::string with_one_change(std::string text, FuzzInput& input);

}  // namespace hongbao

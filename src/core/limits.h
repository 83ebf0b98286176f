// The bounds of what a sender may ask for. They are part of the API: docs/openapi.yaml repeats them and a test
// compares.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/money.h"

namespace hongbao {

inline constexpr Money kShareLeast{1};          // L in docs/FORMATS.md: one fen
inline constexpr Money kShareGreatest{20'000};  // H in docs/FORMATS.md: 200 yuan
inline constexpr uint32_t kSharesPerPacketMax = 100'000;
inline constexpr size_t kGreetingCharactersMax = 60;  // Unicode code points
inline constexpr size_t kIdempotencyKeyLengthMax = 64;
inline constexpr Money kDepositMax{100'000'000'000};  // one deposit: a billion yuan

}  // namespace hongbao

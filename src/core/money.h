// Money: a count of minor units (fen), never floating point. Overflow stops the process: amounts are bounded where they
// enter (core/limits.h), so only a programmer's error gets here. Any thread.
#pragma once

#include <compare>
#include <cstdint>

#include "base/check.h"

namespace hongbao {

class Money {
 public:
  constexpr Money() = default;
  constexpr explicit Money(int64_t fen) : fen_(fen) {}

  [[nodiscard]] constexpr int64_t fen() const { return fen_; }

  friend constexpr auto operator<=>(Money, Money) = default;
  friend Money operator+(Money a, Money b) {
    int64_t sum = 0;
    CHECK(!__builtin_add_overflow(a.fen_, b.fen_, &sum));
    return Money(sum);
  }
  friend Money operator-(Money a, Money b) {
    int64_t difference = 0;
    CHECK(!__builtin_sub_overflow(a.fen_, b.fen_, &difference));
    return Money(difference);
  }
  friend Money operator*(Money a, int64_t times) {
    int64_t product = 0;
    CHECK(!__builtin_mul_overflow(a.fen_, times, &product));
    return Money(product);
  }
  // For sums over what stores hold, which may be damaged: stays at its limits, where no books balance.
  [[nodiscard]] Money plus_clamped(Money other) const {
    int64_t sum = 0;
    if (__builtin_add_overflow(fen_, other.fen_, &sum)) {
      sum = fen_ < 0 ? INT64_MIN : INT64_MAX;
    }
    return Money(sum);
  }
  [[nodiscard]] Money minus_clamped(Money other) const {
    int64_t difference = 0;
    if (__builtin_sub_overflow(fen_, other.fen_, &difference)) {
      difference = fen_ < 0 ? INT64_MIN : INT64_MAX;
    }
    return Money(difference);
  }
  Money& operator+=(Money other) { return *this = *this + other; }
  Money& operator-=(Money other) { return *this = *this - other; }

 private:
  int64_t fen_ = 0;
};

}  // namespace hongbao

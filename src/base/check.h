// CHECK stops the process on a programmer's error: a broken invariant must never reach the ledger. It is on in release
// builds and is never used on input. Any thread.
#pragma once

namespace hongbao {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace hongbao

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) [[unlikely]] {                           \
      ::hongbao::check_failed(#condition, __FILE__, __LINE__); \
    }                                                          \
  } while (false)

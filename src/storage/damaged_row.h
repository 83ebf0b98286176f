// Thrown where rows of a store are read or changed and are none that this program can have written: a file was damaged,
// or copied over by hand. Adapters turn it into an error at their border, as what their engine throws. Any thread.
#pragma once

#include <stdexcept>

namespace hongbao {

class DamagedRow : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void require_sound(bool holds, const char* rule) {
  if (!holds) {
    throw DamagedRow(rule);
  }
}

}  // namespace hongbao

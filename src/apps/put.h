// What every opening of an adapter ends with. Any thread.
#pragma once

#include <memory>
#include <utility>

#include "base/result.h"

namespace hongbao {

// Puts what was opened where it belongs, or says why it was not.
template <class Port, class Adapter>
Result<void> put(std::unique_ptr<Port>& place, Result<std::unique_ptr<Adapter>> opened) {
  if (!opened) {
    return std::unexpected(opened.error());
  }
  place = std::move(*opened);
  return {};
}

}  // namespace hongbao

// An adapter's border, where what its engine throws becomes an error. Any thread.
#pragma once

#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "storage/damaged_row.h"

namespace hongbao {

// Logs it, unless it was logged lately.
void report_damage(std::string_view call, const DamagedRow& error);

// What the function returns, as a Result.
template <class Function>
auto result_of(Function&& function) -> Result<std::invoke_result_t<Function>> {
  if constexpr (std::is_void_v<std::invoke_result_t<Function>>) {
    std::forward<Function>(function)();
    return {};
  } else {
    return std::forward<Function>(function)();
  }
}

// Runs `function` and turns EngineError into Error{kStorage}, after `report(what, error)`, which the engine has. `what`
// names the call in the log. A violated constraint and a damaged row are kInternal: what is stored contradicts itself
// or what was to be written, nothing was written, and trying again does not help.
template <class EngineError, class Function>
auto guard(std::string_view what, Function&& function) -> Result<std::invoke_result_t<Function>> {
  try {
    return result_of(std::forward<Function>(function));
  } catch (const EngineError& error) {
    report(what, error);
    return fail(error.is_constraint() ? ErrorCode::kInternal : ErrorCode::kStorage, error.what());
  } catch (const DamagedRow& error) {
    report_damage(what, error);
    return fail(ErrorCode::kInternal, error.what());
  }
}

}  // namespace hongbao

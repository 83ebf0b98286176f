// Waits for an answer that comes through a Done. For threads that may block: maintenance, never I/O.
#pragma once

#include <future>
#include <memory>

#include "base/result.h"

namespace hongbao {

// `call` gets the Done. The future may outlive its wait: a callee always answers in the end.
template <class T, class Call>
std::future<Result<T>> ask(Call&& call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call(Done<T>([promise](Result<T> answer) { promise->set_value(std::move(answer)); }));
  return future;
}

}  // namespace hongbao

// Asks several at once and waits for nobody: when the last answer has come, all of them are handed on together. Any
// thread; `done` runs on the thread of the last answer.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hongbao {

// `ask` is called with 0, 1, … `count` − 1 and passes the Done it gets to something asynchronous. The answers are in
// the same order.
template <class T, class Ask>
void ask_all(size_t count, Ask&& ask, std::move_only_function<void(std::vector<Result<T>>)> done) {
  if (count == 0) {
    done({});
    return;
  }
  struct Gathered {
    std::vector<Result<T>> answers;
    std::atomic<size_t> missing;
    std::move_only_function<void(std::vector<Result<T>>)> done;
  };
  auto gathered = std::make_shared<Gathered>(std::vector<Result<T>>(count), count, std::move(done));
  for (size_t i = 0; i < count; ++i) {
    ask(i, Done<T>([gathered, i](Result<T> answer) {
          gathered->answers[i] = std::move(answer);
          if (gathered->missing.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            gathered->done(std::move(gathered->answers));
          }
        }));
  }
}

}  // namespace hongbao

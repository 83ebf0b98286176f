#include "adapters/nats/outbox.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/thread.h"

namespace hongbao::nats {
namespace {

constexpr size_t kActionsAtOnceMax = 64;
constexpr std::chrono::milliseconds kIdleWait{1'000};

}  // namespace

Outbox::Outbox() : thread_([this] { run(); }) {}

Outbox::~Outbox() {
  CHECK(!thread_.joinable());
}

void Outbox::stop(std::chrono::milliseconds limit) {
  give_up_at_.store(std::chrono::steady_clock::now() + limit);
  waiting_.close();
  thread_.join();
}

void Outbox::run() {
  name_this_thread("nats-outbox");
  std::vector<Action> actions;
  do {
    actions.clear();
    waiting_.take(actions, kActionsAtOnceMax, kIdleWait);
    for (Action& action : actions) {
      if (std::chrono::steady_clock::now() < give_up_at_.load()) {
        action();
      }
    }
  } while (!actions.empty() || !waiting_.closed());
}

}  // namespace hongbao::nats

#include "adapters/nats/publisher.h"

#include <fmt/format.h>

#include <deque>
#include <utility>

#include "base/check.h"
#include "base/thread.h"

namespace hongbao::nats {
namespace {

constexpr int64_t kStallWait_ms = 10;          // while too many confirmations are missing
constexpr int64_t kConfirmTimeout_ms = 5'000;  // of one message

}  // namespace

Publisher::Publisher(Connection& connection, Options options, Metrics metrics, std::function<void()> on_refused)
    : connection_(connection),
      options_(std::move(options)),
      metrics_(metrics),
      on_refused_(std::move(on_refused)),
      anchor_(new_anchor()) {
  jsOptions js;
  jsOptions_Init(&js);
  js.PublishAsync.MaxPending = options_.confirmations_waiting_max;
  js.PublishAsync.StallWait = kStallWait_ms;
  js.PublishAsync.AckHandler = on_answer;
  js.PublishAsync.AckHandlerClosure = &anchor_;
  context_ = make<jsCtx>([&](jsCtx** made) { return natsConnection_JetStream(made, connection_.get(), &js); });
  CHECK(context_);
  anchor_.publisher = this;
  thread_ = std::thread([this] { run(); });
}

Publisher::~Publisher() {
  CHECK(!thread_.joinable());
  const std::scoped_lock lock(anchor_.mutex);
  anchor_.publisher = nullptr;
}

// The library doesn't tell when it has called back for the last time: these stay, one for each publisher ever made.
Publisher::Anchor& Publisher::new_anchor() {
  static std::mutex mutex;
  static auto& anchors = *new std::deque<Anchor>();
  const std::scoped_lock lock(mutex);
  return anchors.emplace_back();
}

void Publisher::publish(ShardId shard, Term term, std::span<const Voucher> vouchers) {
  if (vouchers.empty()) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  auto& messages = waiting_[shard];
  const bool joins = !messages.empty() && messages.back().term == term &&
                     messages.back().vouchers.back().no + 1 == vouchers.front().no &&
                     messages.back().vouchers.size() + vouchers.size() <= options_.joined_vouchers_max;
  if (!joins && (is_stopping_ || messages_waiting_ >= options_.messages_waiting_max)) {
    metrics_.dropped.Increment();
    return;
  }
  if (!joins) {
    messages.push_back({shard, term, {}});
    ++messages_waiting_;
  }
  auto& joined = messages.back().vouchers;
  joined.insert(joined.end(), vouchers.begin(), vouchers.end());
  changed_.notify_all();
}

void Publisher::stop(std::chrono::milliseconds limit) {
  {
    const std::scoped_lock lock(mutex_);
    is_stopping_ = true;
    give_up_at_ = std::chrono::steady_clock::now() + limit;
    changed_.notify_all();
  }
  thread_.join();
}

void Publisher::run() {
  name_this_thread("nats-publisher");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return messages_waiting_ > 0 || is_stopping_; });
    if (messages_waiting_ == 0) {
      return;
    }
    const Messages messages = std::exchange(waiting_, {});
    messages_waiting_ = 0;
    for (const auto& [shard, of_shard] : messages) {
      for (const VoucherBatch& message : of_shard) {
        if (std::chrono::steady_clock::now() < give_up_at_) {
          lock.unlock();
          publish_now(message);
          lock.lock();
        }
      }
    }
    changed_.wait_for(lock, options_.rest, [this] { return is_stopping_; });
  }
}

void Publisher::publish_now(const VoucherBatch& message) {
  if (!connection_.is_connected()) {
    metrics_.dropped.Increment();
    return;
  }
  const std::string name = to_text(message.shard);
  const std::string bytes = options_.codec.print(message);
  const std::string id = fmt::format("{}-{:016x}-{}", name, message.term.value, message.vouchers.front().no.value);
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MsgId = id.c_str();
  options.MaxWait = kConfirmTimeout_ms;
  if (js_PublishAsync(context_.get(), (options_.subject_prefix + name).c_str(), bytes.data(),
                      static_cast<int>(bytes.size()), &options) != NATS_OK) {
    metrics_.dropped.Increment();
  }
}

void Publisher::on_answer(jsCtx*, natsMsg* message, jsPubAck*, jsPubAckErr* error, void* anchor) {
  natsMsg_Destroy(message);
  auto& found = *static_cast<Anchor*>(anchor);
  const std::scoped_lock lock(found.mutex);
  if (found.publisher == nullptr) {
    return;
  }
  if (error == nullptr) {
    found.publisher->metrics_.published.Increment();
    return;
  }
  found.publisher->metrics_.dropped.Increment();
  found.publisher->on_refused_();
}

}  // namespace hongbao::nats

#include "adapters/nats/voucher_stream.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/nats/voucher_codec.h"
#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"

namespace hongbao {
namespace {

using nats::make;
using nats::Owned;

constexpr size_t kBatchesAtOnceMax = 64;
constexpr std::chrono::milliseconds kIdleWait{1'000};
constexpr int64_t kStallWait_ms = 50;          // while too many confirmations are missing
constexpr int64_t kConfirmTimeout_ms = 5'000;  // of one message
constexpr std::chrono::seconds kDuplicateWindow{120};

std::string stream_name(const NatsStreamOptions& options) {
  return fmt::format("{}HONGBAO_{}_VOUCHERS", options.name_prefix,
                     options.region == Region::kSouth ? "SOUTH" : "NORTH");
}

}  // namespace

Result<std::unique_ptr<NatsVoucherStream>> NatsVoucherStream::open(NatsStreamOptions options,
                                                                   prometheus::Registry& registry) {
  auto connection = nats::Connection::open(options.url, "voucher_stream");
  if (!connection) {
    return std::unexpected(connection.error());
  }
  return std::unique_ptr<NatsVoucherStream>(
      new NatsVoucherStream(std::move(options), std::move(*connection), registry));
}

NatsVoucherStream::NatsVoucherStream(NatsStreamOptions options, std::unique_ptr<nats::Connection> connection,
                                     prometheus::Registry& registry)
    : options_(std::move(options)),
      stream_(stream_name(options_)),
      connection_(std::move(connection)),
      metrics_{add_counter(registry, "hongbao_stream_published_total", "Batches that the voucher stream confirmed."),
               add_counter(registry, "hongbao_stream_dropped_total",
                           "Batches that did not get into the voucher stream; their followers read the log.")},
      batches_(options_.batches_waiting_max) {
  jsOptions js;
  jsOptions_Init(&js);
  js.Wait = nats::kRequestTimeout.count();
  asking_ = make<jsCtx>([&](jsCtx** made) { return natsConnection_JetStream(made, connection_->get(), &js); });
  js.PublishAsync.MaxPending = options_.acks_pending_max;
  js.PublishAsync.StallWait = kStallWait_ms;
  js.PublishAsync.AckHandler = on_publish_answer;
  js.PublishAsync.AckHandlerClosure = this;
  publishing_ = make<jsCtx>([&](jsCtx** made) { return natsConnection_JetStream(made, connection_->get(), &js); });
  CHECK(asking_ && publishing_);
  publisher_ = std::thread([this] { publish_loop(); });
  maintainer_ = std::thread([this] { maintain_loop(); });
}

NatsVoucherStream::~NatsVoucherStream() {
  batches_.close();
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const auto& [key, subscription] : subscriptions_) {
      subscription->leave();
    }
    changed_.notify_all();
  }
  publisher_.join();
  maintainer_.join();
  (void)natsConnection_FlushTimeout(connection_->get(), nats::kRequestTimeout.count());  // what was given back
  publishing_.reset();
  asking_.reset();
}

std::string NatsVoucherStream::subject_of(ShardId shard) const {
  return fmt::format("{}hongbao.{}.vouchers.{}", options_.name_prefix, region_name(options_.region), to_text(shard));
}

void NatsVoucherStream::publish(ShardId shard, std::span<const Voucher> vouchers) {
  if (vouchers.empty()) {
    return;
  }
  Batch batch{shard, {vouchers.begin(), vouchers.end()}};
  if (batches_.push(batch) != Mailbox<Batch>::Push::kTaken) {
    metrics_.dropped.Increment();
  }
}

void NatsVoucherStream::publish_loop() {
  name_this_thread("publisher");
  std::vector<Batch> batches;
  while (!batches_.closed() || batches_.depth() > 0) {
    batches.clear();
    batches_.take(batches, kBatchesAtOnceMax, kIdleWait);
    for (const Batch& batch : batches) {
      publish(batch);
    }
  }
}

void NatsVoucherStream::publish(const Batch& batch) {
  if (!connection_->is_connected()) {
    metrics_.dropped.Increment();
    return;
  }
  const std::string bytes = nats::encode_vouchers(batch.shard, batch.vouchers);
  const std::string id = fmt::format("{}-{}", to_text(batch.shard), batch.vouchers.front().no.value);
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MsgId = id.c_str();
  options.MaxWait = kConfirmTimeout_ms;
  if (js_PublishAsync(publishing_.get(), subject_of(batch.shard).c_str(), bytes.data(), static_cast<int>(bytes.size()),
                      &options) != NATS_OK) {
    metrics_.dropped.Increment();
  }
}

void NatsVoucherStream::on_publish_answer(jsCtx*, natsMsg* message, jsPubAck*, jsPubAckErr* error, void* self) {
  auto& stream = *static_cast<NatsVoucherStream*>(self);
  natsMsg_Destroy(message);
  if (error == nullptr) {
    stream.metrics_.published.Increment();
    return;
  }
  stream.metrics_.dropped.Increment();
  const std::scoped_lock lock(stream.mutex_);  // perhaps the stream is gone
  stream.maintenance_due_ = true;
  stream.changed_.notify_all();
}

std::shared_ptr<nats::Subscription> NatsVoucherStream::find(Key key) {
  const std::scoped_lock lock(mutex_);
  const auto found = subscriptions_.find(key);
  return found == subscriptions_.end() ? nullptr : found->second;
}

Result<std::vector<Voucher>> NatsVoucherStream::fetch(Follower follower, ShardId shard, VoucherNo from,
                                                      size_t vouchers_max) {
  if (const auto subscription = find({follower, shard})) {
    return subscription->fetch(from, vouchers_max);
  }
  const std::scoped_lock lock(mutex_);
  const auto arrived = [this] {
    const std::scoped_lock arrival(mutex_);
    ++arrivals_;
    changed_.notify_all();
  };
  subscriptions_.try_emplace(
      {follower, shard}, std::make_shared<nats::Subscription>(*connection_, stream_,
                                                              fmt::format("{}-{}", to_text(follower), to_text(shard)),
                                                              subject_of(shard), shard, arrived));
  maintenance_due_ = true;
  changed_.notify_all();
  return std::vector<Voucher>();
}

void NatsVoucherStream::acknowledge(Follower follower, ShardId shard, VoucherNo upto) {
  if (const auto subscription = find({follower, shard})) {
    subscription->acknowledge(upto);
  }
}

void NatsVoucherStream::leave(Follower follower, ShardId shard) {
  std::shared_ptr<nats::Subscription> left;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = subscriptions_.find({follower, shard});
    if (found == subscriptions_.end()) {
      return;
    }
    left = std::move(found->second);
    subscriptions_.erase(found);
  }
  left->leave();
}

void NatsVoucherStream::wait(uint64_t& seen, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return arrivals_ != seen || stopping_; });
  seen = arrivals_;
}

void NatsVoucherStream::maintain_loop() {
  name_this_thread("stream-keeper");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    maintenance_due_ = false;
    lock.unlock();
    maintain();
    lock.lock();
    // A failure comes again and again while the server is away: not more often than this.
    changed_.wait_for(lock, options_.maintenance_pause / 10, [this] { return stopping_; });
    changed_.wait_for(lock, options_.maintenance_pause, [this] { return stopping_ || maintenance_due_; });
  }
}

// Makes what should be there and is not.
void NatsVoucherStream::maintain() {
  std::vector<std::shared_ptr<nats::Subscription>> subscriptions;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, subscription] : subscriptions_) {
      subscriptions.push_back(subscription);
    }
  }
  if (!connection_->is_connected() || !ensure_stream()) {
    return;
  }
  for (const auto& subscription : subscriptions) {
    if (!subscription->ensure(asking_.get())) {
      return;
    }
  }
}

bool NatsVoucherStream::ensure_stream() {
  const std::string subject =
      fmt::format("{}hongbao.{}.vouchers.*", options_.name_prefix, region_name(options_.region));
  const char* subjects[] = {subject.c_str()};
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = stream_.c_str();
  config.Subjects = subjects;
  config.SubjectsLen = 1;
  config.Retention = js_LimitsPolicy;
  config.MaxAge = std::chrono::nanoseconds(options_.age_max).count();
  config.MaxBytes = options_.bytes_max;
  config.Storage = js_FileStorage;
  config.Replicas = options_.replicas;
  config.Duplicates = std::chrono::nanoseconds(kDuplicateWindow).count();
  jsErrCode error = jsErrCode(0);
  const natsStatus status = js_AddStream(nullptr, asking_.get(), &config, nullptr, &error);
  if (status == NATS_OK || error == JSStreamNameExistErr) {  // an operator may have changed its limits
    return true;
  }
  log_warn("stream_not_made",
           {{"stream", stream_}, {"error", natsStatus_GetText(status)}, {"code", static_cast<int64_t>(error)}});
  return false;
}

}  // namespace hongbao

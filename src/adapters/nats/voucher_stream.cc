#include "adapters/nats/voucher_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "base/thread.h"

namespace hongbao {
namespace {

using nats::make;

constexpr std::chrono::seconds kDuplicateWindow{120};
constexpr std::chrono::seconds kCheckEvery{10};  // whether the stream is still there
constexpr std::chrono::milliseconds kAskAgain{20};
constexpr std::chrono::milliseconds kStopLimit{2'000};  // for what still waits to be said

std::string stream_name(const NatsStreamOptions& options) {
  return fmt::format("{}HONGBAO_{}_VOUCHERS", options.name_prefix,
                     options.region == Region::kSouth ? "SOUTH" : "NORTH");
}

}  // namespace

Result<std::unique_ptr<NatsVoucherStream>> NatsVoucherStream::open(NatsStreamOptions options,
                                                                   prometheus::Registry& registry) {
  auto connection = nats::Connection::open(options.server, "voucher_stream");
  if (!connection) {
    return std::unexpected(connection.error());
  }
  return std::unique_ptr<NatsVoucherStream>(
      new NatsVoucherStream(std::move(options), std::move(*connection), registry));
}

NatsVoucherStream::NatsVoucherStream(NatsStreamOptions options, std::unique_ptr<nats::Connection> connection,
                                     prometheus::Registry& registry)
    : options_(std::move(options)),
      codec_(options_.keys),
      stream_(stream_name(options_)),
      connection_(std::move(connection)),
      redelivered_(add_counter(registry, "hongbao_stream_redelivered_total",
                               "Messages of the voucher stream that came again, or after another process had them.")),
      refused_(add_counter(registry, "hongbao_stream_refused_total",
                           "Messages of the voucher stream that no node of this deployment wrote.")),
      outbox_(std::make_shared<nats::Outbox>()),
      publisher_(
          *connection_,
          {.subject_prefix = subject_of(""),
           .codec = codec_,
           .messages_waiting_max = options_.messages_waiting_max,
           .joined_vouchers_max = options_.joined_vouchers_max,
           .confirmations_waiting_max = options_.confirmations_waiting_max,
           .rest = options_.publisher_rest},
          {add_counter(registry, "hongbao_stream_published_total", "Messages that the voucher stream confirmed."),
           add_counter(registry, "hongbao_stream_dropped_total",
                       "Messages that did not get into the voucher stream; their followers read the log.")},
          [this] {
            is_in_doubt_.store(true);
            make_due();
          }) {
  jsOptions js;
  jsOptions_Init(&js);
  js.Wait = nats::kRequestTimeout.count();
  asking_ = make<jsCtx>([&](jsCtx** made) { return natsConnection_JetStream(made, connection_->get(), &js); });
  CHECK(asking_);
  maintainer_ = std::thread([this] { maintain_loop(); });
}

NatsVoucherStream::~NatsVoucherStream() {
  {
    const std::scoped_lock lock(mutex_);
    is_stopping_ = true;
    due_.notify_all();
  }
  maintainer_.join();
  for (const auto& [key, subscription] : subscriptions_) {
    subscription->leave();
  }
  publisher_.stop(kStopLimit);
  outbox_->stop(kStopLimit);
  (void)natsConnection_FlushTimeout(connection_->get(), kStopLimit.count());
}

std::string NatsVoucherStream::subject_of(std::string_view shard) const {
  return fmt::format("{}hongbao.{}.vouchers.{}", options_.name_prefix, region_name(options_.region), shard);
}

void NatsVoucherStream::publish(ShardId shard, Term term, std::span<const Voucher> vouchers) {
  publisher_.publish(shard, term, vouchers);
}

Result<VoucherNo> NatsVoucherStream::end(ShardId shard) {
  const SteadyTime give_up = std::chrono::steady_clock::now() + nats::kRequestTimeout;
  const std::string subject = subject_of(to_text(shard));
  natsStatus status = NATS_OK;
  while (true) {
    const auto message = make<natsMsg>(
        [&](natsMsg** made) {
          return js_GetLastMsg(made, asking_.get(), stream_.c_str(), subject.c_str(), nullptr, nullptr);
        },
        &status);
    if (message) {
      const auto batch = codec_.parse(
          shard, {natsMsg_GetData(message.get()), static_cast<size_t>(natsMsg_GetDataLength(message.get()))});
      return batch ? batch->vouchers.back().no + 1 : VoucherNo{};  // what is not believed is ignored, as followers do
    }
    if (status == NATS_NOT_FOUND) {
      return VoucherNo{};
    }
    if (std::chrono::steady_clock::now() >= give_up) {
      return fail(ErrorCode::kUnavailable, natsStatus_GetText(status));
    }
    std::this_thread::sleep_for(kAskAgain);
  }
}

void NatsVoucherStream::make_due() {
  const std::scoped_lock lock(mutex_);
  is_maintenance_due_ = true;
  due_.notify_all();
}

std::shared_ptr<nats::Subscription> NatsVoucherStream::find(Key key) {
  const std::scoped_lock lock(mutex_);
  const auto found = subscriptions_.find(key);
  return found == subscriptions_.end() ? nullptr : found->second;
}

Result<std::vector<Voucher>> NatsVoucherStream::fetch(Follower follower, const Want& want) {
  const ShardId shard = want.shard;
  if (const auto subscription = find({follower, shard})) {
    return subscription->fetch(want);
  }
  const nats::Subscription::Shared shared{outbox_, arrivals_, redelivered_, refused_, codec_};
  const std::string name = to_text(shard);
  const std::scoped_lock lock(mutex_);
  subscriptions_.try_emplace(
      {follower, shard},
      std::make_shared<nats::Subscription>(
          *connection_, shared,
          nats::Subscription::Place{stream_, fmt::format("{}-{}", to_text(follower), name), subject_of(name), shard}));
  is_maintenance_due_ = true;
  due_.notify_all();
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
  arrivals_->wait(seen, timeout);
}

void NatsVoucherStream::maintain_loop() {
  name_this_thread("stream-keeper");
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    is_maintenance_due_ = false;
    lock.unlock();
    maintain();
    lock.lock();
    // A failure comes again and again while the server is away: not more often than this.
    due_.wait_for(lock, options_.maintenance_pause / 10, [this] { return is_stopping_; });
    due_.wait_for(lock, options_.maintenance_pause, [this] { return is_stopping_ || is_maintenance_due_; });
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
  if (!connection_->is_connected()) {
    report(false);
    return;
  }
  const uint64_t generation = connection_->generation();
  report(ensure_stream(generation) && std::ranges::all_of(subscriptions, [&](const auto& subscription) {
           return subscription->ensure(asking_.get(), generation);
         }));
}

void NatsVoucherStream::report(bool is_available) {
  if (is_available == is_available_) {
    return;
  }
  is_available_ = is_available;
  if (is_available) {
    log_info("voucher_stream_available", {{"stream", stream_}});
  } else {
    log_warn("voucher_stream_unavailable", {{"stream", stream_}});
  }
}

// Of a stream that is there with others: once, so that a node that still has the others does not put them back.
natsStatus NatsVoucherStream::change_limits(jsStreamConfig& config) {
  if (limits_were_told_) {
    return NATS_OK;
  }
  jsErrCode error = jsErrCode(0);
  const natsStatus status = js_UpdateStream(nullptr, asking_.get(), &config, nullptr, &error);
  if (status == NATS_OK || error == jsErrCode(0)) {
    return status;
  }
  log_warn("stream_keeps_its_limits", {{"stream", stream_}, {"code", static_cast<int64_t>(error)}});
  return NATS_OK;
}

bool NatsVoucherStream::ensure_stream(uint64_t generation) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!is_in_doubt_.exchange(false) && generation_ == generation && now < check_at_) {
    return true;
  }
  const std::string subject = subject_of("*");
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
  natsStatus status = js_AddStream(nullptr, asking_.get(), &config, nullptr, &error);
  if (status != NATS_OK && error == JSStreamNameExistErr) {
    error = jsErrCode(0);
    status = change_limits(config);
  }
  if (status != NATS_OK) {
    is_in_doubt_.store(true);
    if (error != jsErrCode(0)) {
      if (const auto left_out = log_turn("stream_not_made", stream_)) {
        log_warn("stream_not_made",
                 {{"stream", stream_}, {"code", static_cast<int64_t>(error)}, {"suppressed", *left_out}});
      }
    }
    return false;
  }
  limits_were_told_ = true;
  generation_ = generation;
  check_at_ = now + kCheckEvery;
  return true;
}

}  // namespace hongbao

#include "adapters/nats/subscription.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/nats/voucher_codec.h"
#include "base/check.h"
#include "base/log.h"

namespace hongbao::nats {
namespace {

int64_t nanoseconds(std::chrono::nanoseconds time) {
  return time.count();
}

}  // namespace

Subscription::Subscription(Connection& connection, std::string stream, std::string durable, std::string subject,
                           ShardId shard, std::function<void()> arrived)
    : connection_(connection),
      stream_(std::move(stream)),
      durable_(std::move(durable)),
      subject_(std::move(subject)),
      shard_(shard),
      arrived_(std::move(arrived)) {}

bool Subscription::ensure(jsCtx* context) {
  // A follower keeps its own cursor and reads from the log what lies before the consumer's beginning: it starts with
  // what is new, instead of what the stream still has of the last hour.
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.Durable = durable_.c_str();
  config.DeliverPolicy = js_DeliverNew;
  config.AckPolicy = js_AckExplicit;
  config.AckWait = nanoseconds(kAckTimeout);
  config.FilterSubject = subject_.c_str();
  config.MaxAckPending = kMessagesMax;
  jsErrCode error = jsErrCode(0);
  natsStatus status = NATS_OK;
  const auto info = make<jsConsumerInfo>(
      [&](jsConsumerInfo** made) { return js_AddConsumer(made, context, stream_.c_str(), &config, nullptr, &error); },
      &status);
  if (!info) {
    log_warn("consumer_not_made", {{"consumer", durable_}, {"error", natsStatus_GetText(status)}});
    return false;
  }
  const std::scoped_lock lock(mutex_);
  if (has_left_ || !subscribe()) {
    return !has_left_;
  }
  if (info->Created != consumer_made_at_) {
    consumer_made_at_ = info->Created;
    requested_ = 0;  // the earlier one took its requests along
  }
  is_ready_ = true;
  pull_if_due();
  return true;
}

bool Subscription::subscribe() {
  if (subscription_) {
    return true;
  }
  natsInbox* inbox = nullptr;
  if (natsInbox_Create(&inbox) != NATS_OK) {
    return false;
  }
  inbox_ = inbox;
  natsInbox_Destroy(inbox);
  // The library's share in this object, until it has called back for the last time.
  auto* self = new std::shared_ptr<Subscription>(shared_from_this());
  subscription_ = make<natsSubscription>([&](natsSubscription** made) {
    return natsConnection_Subscribe(made, connection_.get(), inbox_.c_str(), on_message, self);
  });
  if (!subscription_) {
    delete self;
    return false;
  }
  CHECK(natsSubscription_SetOnCompleteCB(subscription_.get(), on_complete, self) == NATS_OK);
  return true;
}

void Subscription::on_message(natsConnection*, natsSubscription*, natsMsg* message, void* self) {
  (*static_cast<std::shared_ptr<Subscription>*>(self))->take(Owned<natsMsg>(message));
}

void Subscription::on_complete(void* self) {
  delete static_cast<std::shared_ptr<Subscription>*>(self);
}

void Subscription::take(Owned<natsMsg> message) {
  const char* status = nullptr;
  const bool is_status = natsMsgHeader_Get(message.get(), "Status", &status) == NATS_OK;
  auto vouchers = is_status ? std::nullopt
                            : decode_vouchers(shard_, {natsMsg_GetData(message.get()),
                                                       static_cast<size_t>(natsMsg_GetDataLength(message.get()))});
  {
    const std::scoped_lock lock(mutex_);
    if (is_status) {  // what was asked for has lapsed, or the consumer is gone
      requested_ = 0;
    } else {
      requested_ = std::max(requested_ - 1, 0);
      const char* reply = natsMsg_GetReply(message.get());
      std::string reply_to = reply == nullptr ? "" : reply;
      if (has_left_) {
        give_back(reply_to);
      } else if (!vouchers) {
        log_warn("message_unreadable", {{"consumer", durable_}});
        acknowledge(reply_to);
      } else {
        const auto place = std::ranges::upper_bound(messages_, vouchers->front().no, {}, &Message::first);
        messages_.insert(place, {std::move(reply_to), std::move(*vouchers)});
        pull_if_due();
      }
    }
  }
  if (!is_status) {
    arrived_();
  }
}

void Subscription::say(const std::string& reply_to, const char* word) {
  if (!reply_to.empty()) {
    (void)natsConnection_PublishString(connection_.get(), reply_to.c_str(), word);  // else it comes again
  }
}

void Subscription::pull_if_due() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now >= requested_until_) {
    requested_ = 0;
  }
  const int room = kMessagesMax - static_cast<int>(messages_.size()) - requested_;
  if (!is_ready_ || has_left_ || requested_ > kPullMessages / 2 || room < kPullMessages) {
    return;
  }
  const std::string request = fmt::format(R"({{"batch":{},"expires":{}}})", kPullMessages, nanoseconds(kPullTimeout));
  const std::string subject = fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", stream_, durable_);
  if (natsConnection_PublishRequestString(connection_.get(), subject.c_str(), inbox_.c_str(), request.c_str()) ==
      NATS_OK) {
    requested_ += kPullMessages;
    requested_until_ = now + kPullTimeout;
  }
}

std::vector<Voucher> Subscription::fetch(VoucherNo from, size_t vouchers_max) {
  const std::scoped_lock lock(mutex_);
  drop_below(from);  // who asks from here on has what lies before
  std::vector<Voucher> vouchers;
  for (const Message& message : messages_) {
    for (const Voucher& voucher : message.vouchers) {
      if (voucher.no >= from && vouchers.size() < vouchers_max) {
        vouchers.push_back(voucher);
      }
    }
    if (vouchers.size() == vouchers_max) {
      break;
    }
  }
  return vouchers;
}

void Subscription::acknowledge(VoucherNo upto) {
  const std::scoped_lock lock(mutex_);
  drop_below(upto);
}

void Subscription::drop_below(VoucherNo upto) {
  std::erase_if(messages_, [&](const Message& message) {
    const bool is_done = message.last() < upto;
    if (is_done) {
      acknowledge(message.reply_to);
    }
    return is_done;
  });
  pull_if_due();
}

void Subscription::leave() {
  const std::scoped_lock lock(mutex_);
  has_left_ = true;
  for (const Message& message : messages_) {
    give_back(message.reply_to);
  }
  messages_.clear();
  if (subscription_) {
    natsSubscription_Unsubscribe(subscription_.get());
    subscription_.reset();
  }
}

}  // namespace hongbao::nats

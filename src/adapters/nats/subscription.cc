#include "adapters/nats/subscription.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao::nats {
namespace {

// What the server says instead of a message: that what was asked for has lapsed. Anything else puts the consumer in
// doubt.
constexpr std::string_view kNoMessages = "404";
constexpr std::string_view kPullEnded = "408";
constexpr std::string_view kAcknowledgedAt = "$JS.ACK.";
constexpr const char* kAcknowledge = "+ACK";
constexpr const char* kGiveBack = "-NAK";

int64_t nanoseconds(std::chrono::nanoseconds time) {
  return time.count();
}

std::string new_inbox() {
  natsInbox* inbox = nullptr;
  CHECK(natsInbox_Create(&inbox) == NATS_OK);
  std::string name = inbox;
  natsInbox_Destroy(inbox);
  return name;
}

}  // namespace

uint64_t deliveries(std::string_view reply_to) {
  // $JS.ACK.stream.consumer.deliveries.…, or with a domain and an account's hash before the stream.
  constexpr size_t kDots = 8;
  constexpr size_t kPlace = 4;
  constexpr size_t kMore = 2;
  const auto dots = static_cast<size_t>(std::ranges::count(reply_to, '.'));
  for (size_t skip = kPlace + (dots > kDots ? kMore : 0); skip > 0; --skip) {
    reply_to.remove_prefix(std::min(reply_to.find('.'), reply_to.size() - 1) + 1);
  }
  uint64_t count = 1;
  (void)std::from_chars(reply_to.data(), reply_to.data() + reply_to.size(), count);
  return count;
}

Subscription::Subscription(Connection& connection, Shared shared, Place place)
    : connection_(connection), shared_(std::move(shared)), place_(std::move(place)), inbox_(new_inbox()) {}

bool Subscription::ensure(jsCtx* context, uint64_t generation) {
  const SteadyTime now = std::chrono::steady_clock::now();
  bool is_subscribed = false;
  {
    const std::scoped_lock lock(mutex_);
    if (has_left_ || (is_ready_ && generation_ == generation && now < check_at_)) {
      return true;
    }
    is_subscribed = subscription_ != nullptr;
  }
  const int64_t made_at = make_consumer(context);
  auto subscription = is_subscribed ? nullptr : subscribe();  // ends behind the lock
  const std::scoped_lock lock(mutex_);
  is_ready_ = !has_left_ && made_at != 0 && (is_subscribed || subscription);
  if (!is_ready_) {
    return has_left_;
  }
  if (!is_subscribed) {
    subscription_ = std::move(subscription);
  }
  if (generation_ != generation || consumer_made_at_ != made_at) {
    requested_ = 0;  // the earlier connection or consumer took its requests along
  }
  generation_ = generation;
  consumer_made_at_ = made_at;
  check_at_ = now + kCheckEvery;
  pull_if_due();
  return true;
}

// A follower keeps its own cursor and reads from the log what lies before the consumer's beginning: it starts with what
// is new, instead of what the stream still has of the last hour.
int64_t Subscription::make_consumer(jsCtx* context) {
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.Durable = place_.durable.c_str();
  config.DeliverPolicy = js_DeliverNew;
  config.AckPolicy = js_AckExplicit;
  config.AckWait = nanoseconds(kAckTimeout);
  config.FilterSubject = place_.subject.c_str();
  config.MaxAckPending = kAcksPendingMax;
  const auto info = make<jsConsumerInfo>([&](jsConsumerInfo** made) {
    return js_AddConsumer(made, context, place_.stream.c_str(), &config, nullptr, nullptr);
  });
  return info ? info->Created : 0;
}

Owned<natsSubscription> Subscription::subscribe() {
  // The library's share in this object, until it has called back for the last time.
  auto* self = new std::shared_ptr<Subscription>(shared_from_this());
  auto subscription = make<natsSubscription>([&](natsSubscription** made) {
    return natsConnection_Subscribe(made, connection_.get(), inbox_.c_str(), on_message, self);
  });
  if (!subscription) {
    delete self;
    return nullptr;
  }
  CHECK(natsSubscription_SetOnCompleteCB(subscription.get(), on_complete, self) == NATS_OK);
  return subscription;
}

void Subscription::on_message(natsConnection*, natsSubscription*, natsMsg* message, void* self) {
  (*static_cast<std::shared_ptr<Subscription>*>(self))->take(Owned<natsMsg>(message));
}

void Subscription::on_complete(void* self) {
  delete static_cast<std::shared_ptr<Subscription>*>(self);
}

void Subscription::take(Owned<natsMsg> message) {
  const char* status = nullptr;
  if (natsMsgHeader_Get(message.get(), "Status", &status) == NATS_OK) {
    const std::scoped_lock lock(mutex_);
    requested_ = 0;
    is_ready_ = is_ready_ && (status == kNoMessages || status == kPullEnded);
    return;
  }
  const char* reply = natsMsg_GetReply(message.get());
  std::string reply_to = reply == nullptr ? "" : reply;
  if (!reply_to.starts_with(kAcknowledgedAt)) {
    return;  // not from a consumer: whoever sent it would have a word said where it likes
  }
  auto batch = shared_.codec.parse(
      place_.shard, {natsMsg_GetData(message.get()), static_cast<size_t>(natsMsg_GetDataLength(message.get()))});
  {
    const std::scoped_lock lock(mutex_);
    requested_ = std::max(requested_ - 1, 0);
    if (has_left_) {
      say({std::move(reply_to)}, kGiveBack);
      return;
    }
    if (deliveries(reply_to) > 1) {
      shared_.redelivered.Increment();
    }
    if (!batch) {
      shared_.refused.Increment();
      if (const auto left_out = log_turn("message_not_believed", place_.durable)) {
        log_warn("message_not_believed", {{"consumer", place_.durable}, {"suppressed", *left_out}});
      }
      say({std::move(reply_to)}, kAcknowledge);
    } else {
      keep({std::move(reply_to), batch->term, std::move(batch->vouchers)});
    }
    pull_if_due();
  }
  shared_.arrivals->add();
}

void Subscription::keep(Message message) {
  const auto place = std::ranges::lower_bound(messages_, message.first(), {}, &Message::first);
  if (place != messages_.end() && place->first() == message.first()) {
    place->reply_to = std::move(message.reply_to);  // it lay here too long and was given again
    return;
  }
  vouchers_ += message.vouchers.size();
  messages_.insert(place, std::move(message));
}

void Subscription::say(std::vector<std::string> replies_to, const char* word) {
  // The protocol's own words: the library's calls work on its own kind of subscription only. What gets lost only means
  // that the message comes again.
  shared_.outbox->post([&connection = connection_, replies_to = std::move(replies_to), word] {
    for (const std::string& reply_to : replies_to) {
      (void)natsConnection_PublishString(connection.get(), reply_to.c_str(), word);
    }
  });
}

void Subscription::pull_if_due() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now >= requested_until_) {
    requested_ = 0;
  }
  const int room = kMessagesMax - static_cast<int>(messages_.size()) - requested_;
  if (!is_ready_ || has_left_ || requested_ > kPullMessages / 2 || room < kPullMessages || vouchers_ >= kVouchersMax) {
    return;
  }
  requested_ += kPullMessages;
  requested_until_ = now + kPullTimeout;
  shared_.outbox->post([&connection = connection_, inbox = inbox_,
                        subject = fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", place_.stream, place_.durable)] {
    const std::string request = fmt::format(R"({{"batch":{},"expires":{}}})", kPullMessages, nanoseconds(kPullTimeout));
    (void)natsConnection_PublishRequestString(connection.get(), subject.c_str(), inbox.c_str(), request.c_str());
  });
}

std::vector<Voucher> Subscription::fetch(const VoucherStream::Want& want) {
  const std::scoped_lock lock(mutex_);
  drop_other_terms(want.term);
  drop_below(want.from);  // who asks from here on has what lies before
  std::vector<Voucher> vouchers;
  for (const Message& message : messages_) {
    const auto begin = std::ranges::lower_bound(message.vouchers, want.from, {}, &Voucher::no);
    const auto count = std::min<ptrdiff_t>(message.vouchers.end() - begin,
                                           static_cast<ptrdiff_t>(want.vouchers_max - vouchers.size()));
    vouchers.insert(vouchers.end(), begin, begin + count);
  }
  return vouchers;
}

void Subscription::acknowledge(VoucherNo upto) {
  const std::scoped_lock lock(mutex_);
  drop_below(upto);
}

// They are left to the log: nothing of another term comes to be believed later.
void Subscription::drop_other_terms(Term term) {
  std::vector<std::string> done;
  std::erase_if(messages_, [&](Message& message) {
    if (message.term == term) {
      return false;
    }
    vouchers_ -= message.vouchers.size();
    done.push_back(std::move(message.reply_to));
    return true;
  });
  if (!done.empty()) {
    say(std::move(done), kAcknowledge);
  }
}

void Subscription::drop_below(VoucherNo upto) {
  std::vector<std::string> done;
  while (!messages_.empty() && messages_.front().last() < upto) {
    vouchers_ -= messages_.front().vouchers.size();
    done.push_back(std::move(messages_.front().reply_to));
    messages_.pop_front();
  }
  if (!done.empty()) {
    say(std::move(done), kAcknowledge);
  }
  pull_if_due();
}

void Subscription::leave() {
  const std::scoped_lock lock(mutex_);
  has_left_ = true;
  std::vector<std::string> given_back;
  for (Message& message : messages_) {
    given_back.push_back(std::move(message.reply_to));
  }
  messages_.clear();
  vouchers_ = 0;
  // It unsubscribes where it may block, and first: the server would give back to whoever still seems to ask.
  shared_.outbox->post([subscription = std::move(subscription_)] {});
  say(std::move(given_back), kGiveBack);
}

}  // namespace hongbao::nats

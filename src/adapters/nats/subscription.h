// One follower's place in one shard's part of the stream: a durable pull consumer on the server, the messages that came
// for it and are not acknowledged yet, and the pull requests that bring more. Bounded: it asks for no more than fits.
//
// Threads: any, by one mutex. Messages arrive on a thread of the library.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/nats/connection.h"
#include "base/clock.h"
#include "core/voucher.h"

namespace hongbao::nats {

class Subscription : public std::enable_shared_from_this<Subscription> {
 public:
  static constexpr int kMessagesMax = 256;                 // here or asked for
  static constexpr int kPullMessages = 64;                 // at once
  static constexpr std::chrono::seconds kPullTimeout{20};  // then the server forgets what was asked for
  static constexpr std::chrono::seconds kAckTimeout{30};   // then it gives a message to somebody again

  // `arrived` is called on the library's thread whenever something came.
  Subscription(Connection& connection, std::string stream, std::string durable, std::string subject, ShardId shard,
               std::function<void()> arrived);

  // Makes the consumer unless it is there, and asks for messages when it is due. Blocks for a request. False: the
  // server does not answer.
  bool ensure(jsCtx* context);
  // Gives back what was not acknowledged; nothing comes any more.
  void leave();

  [[nodiscard]] std::vector<Voucher> fetch(VoucherNo from, size_t vouchers_max);
  void acknowledge(VoucherNo upto);

 private:
  struct Message {
    std::string reply_to;  // where it is acknowledged
    std::vector<Voucher> vouchers;
    [[nodiscard]] VoucherNo first() const { return vouchers.front().no; }
    [[nodiscard]] VoucherNo last() const { return vouchers.back().no; }
  };

  static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* self);
  static void on_complete(void* self);
  void take(Owned<natsMsg> message);
  bool subscribe();
  void drop_below(VoucherNo upto);
  void pull_if_due();
  // The protocol's own words: the library's calls work on its own kind of subscription only.
  void acknowledge(const std::string& reply_to) { say(reply_to, "+ACK"); }
  void give_back(const std::string& reply_to) { say(reply_to, "-NAK"); }
  void say(const std::string& reply_to, const char* word);

  Connection& connection_;
  const std::string stream_;
  const std::string durable_;
  const std::string subject_;
  const ShardId shard_;
  const std::function<void()> arrived_;

  std::mutex mutex_;
  std::string inbox_;
  Owned<natsSubscription> subscription_;
  std::deque<Message> messages_;  // by their first number
  int requested_ = 0;             // messages asked for that did not come yet
  SteadyTime requested_until_;
  int64_t consumer_made_at_ = 0;  // tells a consumer that was made anew from the one before
  bool is_ready_ = false;         // the consumer is there
  bool has_left_ = false;
};

}  // namespace hongbao::nats

// One follower's place in one shard's part of the stream: a durable pull consumer on the server, the messages that came
// for it and are not acknowledged yet, and the pull requests that bring more. Bounded: it asks for no more than fits.
//
// Threads: any, by one mutex, which is never held while the library is called. Messages arrive on a thread of the
// library; `ensure` belongs to the stream's maintainer.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/nats/arrivals.h"
#include "adapters/nats/connection.h"
#include "adapters/nats/outbox.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "core/voucher_batch.h"
#include "ports/voucher_stream.h"

namespace hongbao::nats {

class Subscription : public std::enable_shared_from_this<Subscription> {
 public:
  static constexpr int kMessagesMax = 256;                 // here or asked for
  static constexpr size_t kVouchersMax = 32'768;           // here; then it asks for no more
  static constexpr int kPullMessages = 64;                 // at once
  static constexpr std::chrono::seconds kPullTimeout{20};  // then the server forgets what was asked for
  static constexpr std::chrono::seconds kAckTimeout{30};   // then it gives a message to somebody again
  // On the server. More than a process takes, so that one that died with its arms full holds up no other.
  static constexpr int kAcksPendingMax = 4 * kMessagesMax;
  static constexpr std::chrono::seconds kCheckEvery{10};  // whether the consumer is still there

  struct Place {
    std::string stream;
    std::string durable;
    std::string subject;
    ShardId shard;
  };
  // What a subscription shares with its stream. The library may still call back when the stream is gone; the counters
  // are left alone after `leave`, and the codec is its own.
  struct Shared {
    std::shared_ptr<Outbox> outbox;
    std::shared_ptr<Arrivals> arrivals;
    prometheus::Counter& redelivered;
    prometheus::Counter& refused;
    VoucherBatchCodec codec;
  };

  // `connection` outlives the outbox's thread.
  Subscription(Connection& connection, Shared shared, Place place);

  // Makes the consumer unless it is known to be there, and asks for messages when it is due. Blocks for a request.
  // False: the server does not answer.
  bool ensure(jsCtx* context, uint64_t generation);
  // Gives back what was not acknowledged; nothing comes any more.
  void leave();

  // See VoucherStream.
  [[nodiscard]] std::vector<Voucher> fetch(const VoucherStream::Want& want);
  void acknowledge(VoucherNo upto);

 private:
  struct Message {
    std::string reply_to;  // where it is acknowledged
    Term term;
    std::vector<Voucher> vouchers;
    [[nodiscard]] VoucherNo first() const { return vouchers.front().no; }
    [[nodiscard]] VoucherNo last() const { return vouchers.back().no; }
  };

  static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* self);
  static void on_complete(void* self);
  void take(Owned<natsMsg> message);
  Owned<natsSubscription> subscribe();
  // When it was made; 0 when the server does not answer.
  int64_t make_consumer(jsCtx* context);

  // REQUIRES: the mutex is held.
  void keep(Message message);
  void drop_other_terms(Term term);
  void drop_below(VoucherNo upto);
  void pull_if_due();
  void say(std::vector<std::string> replies_to, const char* word);

  Connection& connection_;
  const Shared shared_;
  const Place place_;
  const std::string inbox_;  // where messages come

  std::mutex mutex_;
  Owned<natsSubscription> subscription_;
  std::deque<Message> messages_;  // by their first number
  size_t vouchers_ = 0;           // in messages_
  int requested_ = 0;             // messages asked for that did not come yet
  SteadyTime requested_until_;
  bool is_ready_ = false;         // the consumer is there, as far as we know
  uint64_t generation_ = 0;       // of the connection on which that was found
  int64_t consumer_made_at_ = 0;  // tells a consumer that was made anew from the one before
  SteadyTime check_at_;
  bool has_left_ = false;
};

// How often the message to be acknowledged at `reply_to` was delivered, this time included; 1 when it does not say.
uint64_t deliveries(std::string_view reply_to);

}  // namespace hongbao::nats

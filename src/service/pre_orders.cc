#include "service/pre_orders.h"

#include <fmt/format.h>

#include "service/cache_record.h"

namespace hongbao {
namespace {

std::string cache_key(const PacketIdCodec& ids, const PacketKey& packet) {
  return "packet:" + ids.print(packet);
}

// Of a record, which outlives it.
struct Entry {
  std::string_view fingerprint;
  std::string_view pay_token;
  std::string_view greeting;
};

std::string print(const Entry& entry, std::string_view kept_at) {
  RecordWriter out(RecordLayout::kPreOrder, kept_at);
  out.text(entry.fingerprint);
  out.text(entry.pay_token);
  out.text(entry.greeting);
  return std::move(out).finish();
}

// nullopt for anything that `print` did not make for this cache key.
std::optional<Entry> parse_entry(const std::string& record, std::string_view kept_at) {
  RecordReader in(record, RecordLayout::kPreOrder, kept_at);
  const std::string_view fingerprint = in.text();
  const std::string_view pay_token = in.text();
  const std::string_view greeting = in.text();
  return in.complete() ? std::optional(Entry{fingerprint, pay_token, greeting}) : std::nullopt;
}

}  // namespace

void PreOrders::put(std::string_view idempotency_key, const SendRequest& request, PreOrder candidate,
                    Done<PreOrder> done) {
  const std::string owner = candidate.order.sender.text();
  const std::string send_key = fmt::format("send:{}:{}", owner, idempotency_key);
  std::string wanted = fingerprint(request);
  std::string record = print({wanted, candidate.pay_token, candidate.greeting}, send_key);

  auto found = [this, candidate = std::move(candidate), wanted = std::move(wanted), send_key, owner,
                done = std::move(done)](Result<std::optional<std::string>> before) mutable {
    if (!before) {
      done(std::unexpected(before.error()));
      return;
    }
    const auto entry = *before ? parse_entry(**before, send_key) : std::nullopt;
    if (!entry) {
      const std::string packet_key = cache_key(ids_, candidate.order.key);
      std::string packet_record = print({wanted, candidate.pay_token, candidate.greeting}, packet_key);
      cache_.put_if_absent(owner, packet_key, std::move(packet_record), keep_,
                           [candidate = std::move(candidate), done = std::move(done)](auto put) mutable {
                             if (put) {
                               done(std::move(candidate));
                             } else {
                               done(std::unexpected(put.error()));
                             }
                           });
      return;
    }
    // A token is what it says, but the entry may be another's: nobody is told to pay for a stranger's packet.
    const auto order = pay_tokens_.parse(entry->pay_token);
    if (entry->fingerprint != wanted || !order || order->sender != candidate.order.sender) {
      done(fail(ErrorCode::kIdempotencyKeyReused, "this key was used for a packet with another body",
                "Idempotency-Key"));
      return;
    }
    done(PreOrder{*order, std::string(entry->pay_token), std::string(entry->greeting)});
  };
  cache_.put_if_absent(owner, send_key, std::move(record), keep_, std::move(found));
}

void PreOrders::keep_greeting(const Order& order) {
  if (store_ == nullptr) {
    return;
  }
  const std::string kept_at = cache_key(ids_, order.key);
  cache_.get(kept_at, [this, kept_at, packet = order.key, until = order.created_at + keep_](auto read) {
    const auto entry = read && *read ? parse_entry(**read, kept_at) : std::nullopt;
    if (entry && entry->greeting != kGreetingDefault) {
      store_->keep({packet, std::string(entry->greeting), until});
    }
  });
}

Result<void> PreOrders::restore_greetings() {
  if (store_ == nullptr) {
    return {};
  }
  const Timestamp now = clock_.now();
  auto kept = store_->kept(now, kGreetingsRestoredMax);
  if (!kept) {
    return std::unexpected(kept.error());
  }
  // The last ones last: should the cache not hold them all, it forgets those that end first.
  for (auto greeting = kept->rbegin(); greeting != kept->rend(); ++greeting) {
    const std::string key = cache_key(ids_, greeting->packet);
    cache_.put_if_absent(/*owner=*/key, key, print({"", "", greeting->text}, key), greeting->until - now,
                         [](const auto&) {});  // whose they were is not kept
  }
  return {};
}

void PreOrders::greeting(const PacketKey& packet, std::move_only_function<void(std::string)> done) {
  const auto load = [&](Done<Greetings::Loaded> loaded) {
    const std::string kept_at = cache_key(ids_, packet);
    cache_.get(kept_at, [this, kept_at, loaded = std::move(loaded)](auto read) mutable {
      const auto entry =
          greeting_reads_.count(read, [&](const std::string& record) { return parse_entry(record, kept_at); });
      loaded(entry ? Greetings::Loaded{std::string(entry->greeting), kGreetingNearTtl}
                   : Greetings::Loaded{std::string(kGreetingDefault), kGreetingLostTtl});
    });
  };
  greetings_.get(packet, load, [done = std::move(done)](Result<std::string> found) mutable {
    done(found ? std::move(*found) : std::string(kGreetingDefault));
  });
}

void PreOrders::find(const PacketKey& packet, Done<std::optional<PreOrder>> done) {
  const std::string kept_at = cache_key(ids_, packet);
  cache_.get(kept_at,
             [this, packet, kept_at, done = std::move(done)](Result<std::optional<std::string>> found) mutable {
               if (!found) {
                 done(std::unexpected(found.error()));
                 return;
               }
               const auto entry = *found ? parse_entry(**found, kept_at) : std::nullopt;
               const auto order = entry ? pay_tokens_.parse(entry->pay_token) : std::nullopt;
               done(order && order->key == packet
                        ? std::optional(PreOrder{*order, std::string(entry->pay_token), std::string(entry->greeting)})
                        : std::nullopt);
             });
}

}  // namespace hongbao

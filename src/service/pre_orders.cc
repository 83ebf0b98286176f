#include "service/pre_orders.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;

std::string cache_key(const PacketIdCodec& ids, const PacketKey& packet) {
  return "packet:" + ids.print(packet);
}

struct Entry {
  std::string fingerprint;
  std::string pay_token;
  std::string greeting;
};

std::string print(const Entry& entry) {
  return json::serialize(json::array{entry.fingerprint, entry.pay_token, entry.greeting});
}

// nullopt for anything that `print` did not make; the cache may hold garbage.
std::optional<Entry> parse(const std::string& text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_array() || value.get_array().size() != 3) {
    return std::nullopt;
  }
  const auto& array = value.get_array();
  if (!std::ranges::all_of(array, [](const json::value& field) { return field.is_string(); })) {
    return std::nullopt;
  }
  const auto field = [&](size_t i) { return json::value_to<std::string>(array.at(i)); };
  return Entry{field(0), field(1), field(2)};
}

}  // namespace

void PreOrders::put(std::string_view idempotency_key, const SendRequest& request, PreOrder candidate,
                    Done<PreOrder> done) {
  const std::string owner = candidate.order.sender.text();
  const std::string send_key = fmt::format("send:{}:{}", owner, idempotency_key);
  const std::string packet_key = cache_key(ids_, candidate.order.key);
  std::string wanted = fingerprint(request);
  std::string text = print({wanted, candidate.pay_token, candidate.greeting});

  auto found = [this, candidate = std::move(candidate), wanted = std::move(wanted), packet_key, text, owner,
                done = std::move(done)](Result<std::optional<std::string>> before) mutable {
    if (!before) {
      done(std::unexpected(before.error()));
      return;
    }
    const auto entry = *before ? parse(**before) : std::nullopt;
    if (!entry) {
      cache_.put_if_absent(owner, packet_key, std::move(text), keep_,
                           [candidate = std::move(candidate), done = std::move(done)](auto put) mutable {
                             if (put) {
                               done(std::move(candidate));
                             } else {
                               done(std::unexpected(put.error()));
                             }
                           });
      return;
    }
    const auto order = pay_tokens_.parse(entry->pay_token);
    if (entry->fingerprint != wanted || !order) {
      done(fail(ErrorCode::kIdempotencyKeyReused, "this key was used for a packet with another body",
                "Idempotency-Key"));
      return;
    }
    done(PreOrder{*order, entry->pay_token, entry->greeting});
  };
  cache_.put_if_absent(owner, send_key, std::move(text), keep_, std::move(found));
}

void PreOrders::keep_greeting(const Order& order) {
  if (store_ == nullptr) {
    return;
  }
  cache_.get(cache_key(ids_, order.key), [this, packet = order.key, until = order.created_at + keep_](auto read) {
    const auto entry = read && *read ? parse(**read) : std::nullopt;
    if (entry && entry->greeting != kGreetingDefault) {
      store_->keep({packet, entry->greeting, until});
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
    cache_.put_if_absent(/*owner=*/key, key, print({"", "", greeting->text}), greeting->until - now,
                         [](const auto&) {});  // whose they were is not kept
  }
  return {};
}

void PreOrders::greeting(const PacketKey& packet, std::move_only_function<void(std::string)> done) {
  const auto load = [&](Done<Greetings::Loaded> loaded) {
    cache_.get(cache_key(ids_, packet), [this, loaded = std::move(loaded)](auto read) mutable {
      const auto text = greeting_reads_.count(std::move(read));
      const auto entry = text ? parse(*text) : std::nullopt;
      loaded(entry ? Greetings::Loaded{entry->greeting, kGreetingNearTtl}
                   : Greetings::Loaded{std::string(kGreetingDefault), kGreetingLostTtl});
    });
  };
  greetings_.get(packet, load, [done = std::move(done)](Result<std::string> found) mutable {
    done(found ? std::move(*found) : std::string(kGreetingDefault));
  });
}

void PreOrders::find(const PacketKey& packet, Done<std::optional<PreOrder>> done) {
  cache_.get(cache_key(ids_, packet), [this, done = std::move(done)](Result<std::optional<std::string>> found) mutable {
    if (!found) {
      done(std::unexpected(found.error()));
      return;
    }
    const auto entry = *found ? parse(**found) : std::nullopt;
    const auto order = entry ? pay_tokens_.parse(entry->pay_token) : std::nullopt;
    done(order ? std::optional(PreOrder{*order, entry->pay_token, entry->greeting}) : std::nullopt);
  });
}

}  // namespace hongbao

#include "service/pre_orders.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;

struct Entry {
  std::string fingerprint;
  std::string pay_token;
  std::string greeting;
};

std::string print(const Entry& entry) {
  return json::serialize(json::array{entry.fingerprint, entry.pay_token, entry.greeting});
}

// nullopt for a text that another version wrote.
std::optional<Entry> parse(const std::string& text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_array() || value.get_array().size() != 3) {
    return std::nullopt;
  }
  const auto field = [&](size_t i) { return json::value_to<std::string>(value.get_array().at(i)); };
  return Entry{field(0), field(1), field(2)};
}

}  // namespace

void PreOrders::put(std::string_view idempotency_key, const SendRequest& request, PreOrder candidate,
                    Done<PreOrder> done) {
  const std::string send_key = fmt::format("send:{}:{}", candidate.order.sender.text(), idempotency_key);
  const std::string packet_key = fmt::format("packet:{}", ids_.print(candidate.order.key));
  std::string wanted = fingerprint(request);
  std::string text = print({wanted, candidate.pay_token, candidate.greeting});

  auto found = [this, candidate = std::move(candidate), wanted = std::move(wanted), packet_key, text,
                done = std::move(done)](Result<std::optional<std::string>> before) mutable {
    if (!before) {
      done(std::unexpected(before.error()));
      return;
    }
    const auto entry = *before ? parse(**before) : std::nullopt;
    if (!entry) {
      cache_.put_if_absent(packet_key, std::move(text), keep_,
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
  cache_.put_if_absent(send_key, std::move(text), keep_, std::move(found));
}

void PreOrders::find(const PacketKey& packet, Done<std::optional<PreOrder>> done) {
  cache_.get(fmt::format("packet:{}", ids_.print(packet)),
             [this, done = std::move(done)](Result<std::optional<std::string>> found) mutable {
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

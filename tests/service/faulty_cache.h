// A cache over another one that refuses when it is told to, and counts what it is asked. Any thread.
#pragma once

#include <atomic>

#include "ports/cache.h"

namespace hongbao {

class FaultyCache final : public Cache {
 public:
  explicit FaultyCache(Cache& inner) : inner_(inner) {}

  std::atomic<bool> refuses{false};
  std::atomic<int> reads{0};   // get, get_or_claim
  std::atomic<int> puts{0};    // put, fill
  std::atomic<int> erases{0};  // calls

  void get(std::string_view key, Found done) override {
    ++reads;
    refuses ? done(refusal()) : inner_.get(key, std::move(done));
  }
  void put_if_absent(std::string_view owner, std::string_view key, std::string value, std::chrono::milliseconds ttl,
                     Found done) override {
    refuses ? done(refusal()) : inner_.put_if_absent(owner, key, std::move(value), ttl, std::move(done));
  }
  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) override {
    ++puts;
    refuses ? done(refusal()) : inner_.put(key, std::move(value), ttl, std::move(done));
  }
  void get_or_claim(std::string_view key, Done<Claimed> done) override {
    ++reads;
    refuses ? done(refusal()) : inner_.get_or_claim(key, std::move(done));
  }
  void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
            Done<bool> done) override {
    ++puts;
    refuses ? done(refusal()) : inner_.fill(key, token, std::move(value), ttl, std::move(done));
  }
  void erase(std::vector<std::string> keys, Done<void> done) override {
    ++erases;
    refuses ? done(refusal()) : inner_.erase(std::move(keys), std::move(done));
  }

 private:
  static std::unexpected<Error> refusal() { return fail(ErrorCode::kUnavailable, "the cache was told to refuse"); }

  Cache& inner_;
};

}  // namespace hongbao

#include "adapters/nats/control.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"

namespace hongbao {
namespace {

using nats::make;
using nats::Owned;

constexpr const char* kTrafficKey = "traffic";
constexpr std::chrono::milliseconds kLookEvery{250};

std::string switch_key(Switch which) {
  return fmt::format("switch.{}", to_text(which));
}

std::optional<Switch> parse_switch_key(std::string_view key) {
  for (int i = 0; i < kSwitches; ++i) {
    if (const auto which = static_cast<Switch>(i); switch_key(which) == key) {
      return which;
    }
  }
  return std::nullopt;
}

// "north=0,south=100".
std::string print(const TrafficWeights& weights) {
  std::string text;
  for (const auto& [region, weight] : weights) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", region_name(region), weight);
  }
  return text;
}

std::optional<TrafficWeights> parse(std::string_view text) {
  TrafficWeights weights;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    const auto region = parse_region_name(part.substr(0, equals));
    const std::string_view number = part.substr(equals + 1);
    uint32_t weight = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), weight);
    if (!region || error != std::errc() || end != number.data() + number.size()) {
      return std::nullopt;
    }
    weights[*region] = weight;
  }
  return is_valid(weights) ? std::optional(weights) : std::nullopt;
}

// nullopt: the message says that the value was deleted.
std::optional<std::string> value_of(natsMsg& message) {
  const char* operation = nullptr;
  if (natsMsgHeader_Get(&message, "KV-Operation", &operation) == NATS_OK) {
    return std::nullopt;
  }
  return std::string(natsMsg_GetData(&message), static_cast<size_t>(natsMsg_GetDataLength(&message)));
}

}  // namespace

Result<std::unique_ptr<NatsControl>> NatsControl::open(NatsControlOptions options) {
  auto connection = nats::Connection::open(options.url, "control");
  if (!connection) {
    return std::unexpected(connection.error());
  }
  return std::unique_ptr<NatsControl>(new NatsControl(std::move(options), std::move(*connection)));
}

NatsControl::NatsControl(NatsControlOptions options, std::unique_ptr<nats::Connection> connection)
    : options_(std::move(options)),
      stream_("KV_" + options_.bucket),
      connection_(std::move(connection)),
      traffic_(options_.traffic) {
  CHECK(is_valid(traffic_));
  jsOptions js;
  jsOptions_Init(&js);
  js.Wait = nats::kRequestTimeout.count();
  context_ = make<jsCtx>([&](jsCtx** made) { return natsConnection_JetStream(made, connection_->get(), &js); });
  CHECK(context_ != nullptr);
  watcher_ = std::thread([this] { watch_loop(); });
}

NatsControl::~NatsControl() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_.store(true);
    stopped_.notify_all();
  }
  watcher_.join();
  context_.reset();
}

Result<void> NatsControl::set(Switch which, bool on) {
  return put(switch_key(which), on ? "on" : "off");
}

TrafficWeights NatsControl::traffic() const {
  const std::scoped_lock lock(mutex_);
  return traffic_;
}

Result<void> NatsControl::set_traffic(const TrafficWeights& weights) {
  CHECK(is_valid(weights));
  return put(kTrafficKey, print(weights));
}

Result<void> NatsControl::put(const std::string& key, const std::string& value) {
  const auto bucket = connection_->is_connected() ? open_bucket() : nullptr;
  const auto info = bucket ? bucket_info() : nullptr;
  uint64_t revision = 0;
  if (!info || kvStore_PutString(&revision, bucket.get(), key.c_str(), value.c_str()) != NATS_OK) {
    return fail(ErrorCode::kUnavailable, "the control bucket does not answer: set it again");
  }
  take(key, value, {info->Created, revision});
  return {};
}

void NatsControl::take(const std::string& key, const std::optional<std::string>& value, Version version) {
  const auto which = parse_switch_key(key);
  const auto weights = !which && value ? parse(*value) : std::nullopt;
  const bool is_readable = which ? value == "on" || value == "off" : weights.has_value();
  const std::scoped_lock lock(mutex_);
  Version& taken = versions_[key];
  if (version <= taken) {
    return;
  }
  taken = version;
  if (value && !is_readable) {
    log_warn("control_value_unreadable", {{"key", key}, {"value", *value}});
  }
  if (which) {
    take_switch(*which, value != "off");
  } else {
    traffic_ = weights.value_or(options_.traffic);
    log_info("traffic_changed", {{"weights", print(traffic_)}});
  }
}

void NatsControl::take_switch(Switch which, bool on) {
  if (off_[static_cast<size_t>(which)].exchange(!on) == on) {
    log_info("switch_changed", {{"switch", to_text(which)}, {"on", on}});
  }
}

void NatsControl::watch_loop() {
  name_this_thread("control");
  Owned<kvStore> bucket;
  Version seen;
  while (!is_stopping()) {
    if (!bucket && connection_->is_connected()) {
      bucket = open_bucket();
    }
    const bool is_there = bucket && connection_->is_connected() && look(*bucket, seen);
    if (!is_there) {
      bucket.reset();  // it may have been lost, and is made again
    }
    report(is_there);
    pause();
  }
}

void NatsControl::report(bool is_available) {
  if (is_available == is_available_) {
    return;
  }
  is_available_ = is_available;
  if (is_available) {
    log_info("control_available", {{"bucket", options_.bucket}});
  } else if (!is_stopping()) {
    log_warn("control_unavailable", {{"bucket", options_.bucket}});
  }
}

void NatsControl::pause() {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, kLookEvery, [this] { return is_stopping(); });
}

Owned<kvStore> NatsControl::open_bucket() {
  natsStatus status = NATS_OK;
  auto bucket = make<kvStore>(
      [&](kvStore** made) { return js_KeyValue(made, context_.get(), options_.bucket.c_str()); }, &status);
  if (status != NATS_NOT_FOUND) {
    return bucket;  // or none, when the server does not answer
  }
  kvConfig config;
  kvConfig_Init(&config);
  config.Bucket = options_.bucket.c_str();
  config.History = 1;
  config.StorageType = js_FileStorage;
  config.Replicas = options_.replicas;
  return make<kvStore>([&](kvStore** made) { return js_CreateKeyValue(made, context_.get(), &config); });
}

// nullptr when the bucket is not there, or the server does not answer.
Owned<jsStreamInfo> NatsControl::bucket_info() {
  return make<jsStreamInfo>(
      [&](jsStreamInfo** made) { return js_GetStreamInfo(made, context_.get(), stream_.c_str(), nullptr, nullptr); });
}

// False: the bucket is not there, or the server does not answer.
bool NatsControl::look(kvStore& bucket, Version& seen) {
  const auto info = bucket_info();
  if (!info) {
    return false;
  }
  const Version newest{info->Created, info->State.LastSeq};
  if (newest == seen) {
    return true;
  }
  bool is_read = read(bucket, kTrafficKey, info->Created);
  for (int i = 0; is_read && i < kSwitches; ++i) {
    is_read = read(bucket, switch_key(static_cast<Switch>(i)), info->Created);
  }
  if (is_read) {
    seen = newest;
  }
  return is_read;
}

// The library's own reading of a key does not tell one that was deleted from one that never was there.
bool NatsControl::read(kvStore& bucket, const std::string& key, int64_t made_at) {
  const std::string subject = fmt::format("$KV.{}.{}", options_.bucket, key);
  natsStatus status = NATS_OK;
  const auto message = make<natsMsg>(
      [&](natsMsg** made) {
        return js_GetLastMsg(made, context_.get(), stream_.c_str(), subject.c_str(), nullptr, nullptr);
      },
      &status);
  if (message) {
    take(key, value_of(*message), {made_at, natsMsg_GetSequence(message.get())});
  } else if (status == NATS_NOT_FOUND) {
    give_back(bucket, key);
  }
  return message || status == NATS_NOT_FOUND;
}

// What is not as it is at first, and the bucket does not know. Another node may be quicker, which is as good.
void NatsControl::give_back(kvStore& bucket, const std::string& key) {
  if (const auto which = parse_switch_key(key)) {
    if (!is_on(*which)) {
      (void)kvStore_CreateString(nullptr, &bucket, key.c_str(), "off");
    }
  } else if (const TrafficWeights weights = traffic(); weights != options_.traffic) {
    (void)kvStore_CreateString(nullptr, &bucket, key.c_str(), print(weights).c_str());
  }
}

}  // namespace hongbao

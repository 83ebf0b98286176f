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
constexpr std::chrono::milliseconds kRetryPause{500};
constexpr std::chrono::milliseconds kWatchStep{250};
constexpr int kStepsPerCheck = 8;  // then the bucket itself is looked for

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

std::string text_of(kvEntry& entry) {
  return {static_cast<const char*>(kvEntry_Value(&entry)), static_cast<size_t>(kvEntry_ValueLen(&entry))};
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
    : options_(std::move(options)), connection_(std::move(connection)), traffic_(options_.traffic) {
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
  const auto made_at = bucket ? bucket_made_at() : std::nullopt;
  uint64_t revision = 0;
  if (!made_at || kvStore_PutString(&revision, bucket.get(), key.c_str(), value.c_str()) != NATS_OK) {
    return fail(ErrorCode::kUnavailable, "the control bucket does not answer: set it again");
  }
  take(key, value, {*made_at, revision});
  return {};
}

void NatsControl::take(const std::string& key, const std::optional<std::string>& value, Version version) {
  const auto which = parse_switch_key(key);
  const auto weights = key == kTrafficKey && value ? parse(*value) : std::nullopt;
  const bool is_known = which || key == kTrafficKey;
  const bool is_readable = which ? value == "on" || value == "off" : weights.has_value();
  const std::scoped_lock lock(mutex_);
  if (is_known) {
    Version& taken = versions_[key];
    if (version <= taken) {
      return;
    }
    taken = version;
  }
  if (value && !(is_known && is_readable)) {
    log_warn("control_value_unreadable", {{"key", key}, {"value", *value}});
  }
  if (which) {
    take_switch(*which, value != "off");
  } else if (is_known) {
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
  while (!is_stopping()) {
    if (!connection_->is_connected() || !watch()) {
      report(false);
      pause();
    }
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
  stopped_.wait_for(lock, kRetryPause, [this] { return is_stopping(); });
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

// In nanoseconds; nullopt when it is not there.
std::optional<int64_t> NatsControl::bucket_made_at() {
  const std::string stream = "KV_" + options_.bucket;
  const auto info = make<jsStreamInfo>(
      [&](jsStreamInfo** made) { return js_GetStreamInfo(made, context_.get(), stream.c_str(), nullptr, nullptr); });
  return info ? std::optional(info->Created) : std::nullopt;
}

// False: there was no bucket, and none could be made.
bool NatsControl::watch() {
  const uint64_t generation = connection_->generation();
  const auto bucket = open_bucket();
  const auto made_at = bucket ? bucket_made_at() : std::nullopt;
  if (!made_at) {
    return false;
  }
  const auto watcher = make<kvWatcher>([&](kvWatcher** made) { return kvStore_WatchAll(made, bucket.get(), nullptr); });
  if (!watcher) {
    return false;
  }
  report(true);
  follow(bucket.get(), *made_at, watcher.get(), generation);
  return true;
}

void NatsControl::follow(kvStore* bucket, int64_t made_at, kvWatcher* watcher, uint64_t generation) {
  std::set<std::string> known;
  bool is_complete = false;
  for (int steps = 1; !is_stopping(); ++steps) {
    kvEntry* next = nullptr;
    const natsStatus status = kvWatcher_Next(&next, watcher, kWatchStep.count());
    const Owned<kvEntry> entry(next);
    if (entry) {
      const std::string key = kvEntry_Key(entry.get());
      const bool is_put = kvEntry_Operation(entry.get()) == kvOp_Put;
      known.insert(key);
      take(key, is_put ? std::optional<std::string>(text_of(*entry)) : std::nullopt,
           {made_at, kvEntry_Revision(entry.get())});
    } else if (status == NATS_OK && !is_complete) {  // all that is there has come
      is_complete = true;
      give_back(bucket, known);
    } else if (status != NATS_OK && status != NATS_TIMEOUT) {
      return;
    }
    // A watcher does not notice that its bucket was lost and perhaps made again, nor always a new connection.
    if (connection_->generation() != generation || (steps % kStepsPerCheck == 0 && bucket_made_at() != made_at)) {
      return;
    }
  }
}

// What is not as it is at first, and the bucket does not know.
void NatsControl::give_back(kvStore* bucket, const std::set<std::string>& known) {
  const auto create = [&](const std::string& key, const std::string& value) {
    if (!known.contains(key)) {
      (void)kvStore_CreateString(nullptr, bucket, key.c_str(), value.c_str());  // another node may have been quicker
    }
  };
  for (int i = 0; i < kSwitches; ++i) {
    if (const auto which = static_cast<Switch>(i); !is_on(which)) {
      create(switch_key(which), "off");
    }
  }
  if (const TrafficWeights weights = traffic(); weights != options_.traffic) {
    create(kTrafficKey, print(weights));
  }
}

}  // namespace hongbao

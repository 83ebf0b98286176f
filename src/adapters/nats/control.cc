#include "adapters/nats/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "base/thread.h"

namespace hongbao {
namespace {

using nats::make;
using nats::Owned;

constexpr const char* kTrafficKey = "traffic";
constexpr std::chrono::milliseconds kLookEvery{250};
constexpr int kPutTries = 5;  // when others set the same at the same time

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

std::vector<std::string> all_names() {
  std::vector<std::string> names{kTrafficKey};
  for (int i = 0; i < kSwitches; ++i) {
    names.push_back(switch_key(static_cast<Switch>(i)));
  }
  return names;
}

}  // namespace

Result<std::unique_ptr<NatsControl>> NatsControl::open(NatsControlOptions options) {
  auto connection = nats::Connection::open(options.server, "control");
  if (!connection) {
    return std::unexpected(connection.error());
  }
  return std::unique_ptr<NatsControl>(new NatsControl(std::move(options), std::move(*connection)));
}

NatsControl::NatsControl(NatsControlOptions options, std::unique_ptr<nats::Connection> connection)
    : options_(std::move(options)),
      codec_(options_.keys),
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

Result<void> NatsControl::put(const std::string& name, const std::string& value) {
  const auto bucket = connection_->is_connected() ? open_bucket() : nullptr;
  for (int tries = 0; bucket && tries < kPutTries; ++tries) {
    const auto stored = read(name);
    if (!stored) {
      break;
    }
    const uint64_t before = std::max(known(name).version, stored->entry ? stored->entry->version : 0);
    const auto now = static_cast<uint64_t>(system_clock().now().unix_ms) * 1'000;
    const ControlEntry entry{std::max(now, before + 1), value};
    if (write(*bucket, name, *stored, entry)) {
      take(name, entry);
      return {};
    }
  }
  return fail(ErrorCode::kUnavailable, "the control bucket does not answer: set it again");
}

ControlEntry NatsControl::known(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(name);
  return found == entries_.end() ? ControlEntry() : found->second;
}

bool NatsControl::take(const std::string& name, const ControlEntry& entry) {
  const std::scoped_lock lock(mutex_);
  ControlEntry& counts = entries_[name];
  if (entry.version > counts.version) {
    counts = entry;
    apply(name, entry.value);
  }
  return entry == counts;
}

void NatsControl::apply(const std::string& name, const std::string& value) {
  bool is_readable = false;
  if (const auto which = parse_switch_key(name)) {
    is_readable = value == "on" || value == "off";
    apply_switch(*which, value != "off");
  } else {
    const auto weights = parse(value);
    is_readable = weights.has_value();
    traffic_ = weights.value_or(options_.traffic);
    log_info("traffic_changed", {{"weights", print(traffic_)}});
  }
  if (!is_readable) {
    log_warn("control_value_unreadable", {{"key", name}, {"value", value}});
  }
}

void NatsControl::apply_switch(Switch which, bool on) {
  if (off_[static_cast<size_t>(which)].exchange(!on) == on) {
    log_info("switch_changed", {{"switch", to_text(which)}, {"on", on}});
  }
}

void NatsControl::watch_loop() {
  name_this_thread("control");
  Owned<kvStore> bucket;
  BucketState seen;
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

bool NatsControl::look(kvStore& bucket, BucketState& seen) {
  const auto info = bucket_info();
  if (!info) {
    return false;
  }
  const BucketState newest{info->Created, info->State.LastSeq};
  if (newest == seen) {
    return true;
  }
  bool is_put_back = true;
  for (const std::string& name : all_names()) {
    if (!look_at(bucket, name, is_put_back)) {
      return false;
    }
  }
  if (is_put_back) {  // else once more
    seen = newest;
  }
  return true;
}

bool NatsControl::look_at(kvStore& bucket, const std::string& name, bool& is_put_back) {
  const auto stored = read(name);
  if (!stored) {
    return false;
  }
  if (stored->number != 0 && !stored->entry) {
    if (const auto left_out = log_turn("control_entry_not_believed", name)) {
      log_warn("control_entry_not_believed", {{"key", name}, {"suppressed", *left_out}});
    }
  }
  if (!stored->entry || !take(name, *stored->entry)) {
    if (const ControlEntry mine = known(name); mine.version != 0) {
      // Another node may be quicker, which is as good, and is seen at the next look.
      is_put_back = write(bucket, name, *stored, mine) && is_put_back;
    }
  }
  return true;
}

std::optional<NatsControl::Stored> NatsControl::read(const std::string& name) {
  const std::string subject = fmt::format("$KV.{}.{}", options_.bucket, name);
  natsStatus status = NATS_OK;
  const auto message = make<natsMsg>(
      [&](natsMsg** made) {
        return js_GetLastMsg(made, context_.get(), stream_.c_str(), subject.c_str(), nullptr, nullptr);
      },
      &status);
  if (!message) {
    return status == NATS_NOT_FOUND ? std::optional(Stored()) : std::nullopt;
  }
  const std::string_view text{natsMsg_GetData(message.get()),
                              static_cast<size_t>(natsMsg_GetDataLength(message.get()))};
  return Stored{natsMsg_GetSequence(message.get()), codec_.parse(name, text)};
}

bool NatsControl::write(kvStore& bucket, const std::string& name, const Stored& over, const ControlEntry& entry) {
  const std::string text = codec_.print(name, entry);
  return (over.number == 0
              ? kvStore_CreateString(nullptr, &bucket, name.c_str(), text.c_str())
              : kvStore_UpdateString(nullptr, &bucket, name.c_str(), text.c_str(), over.number)) == NATS_OK;
}

}  // namespace hongbao

#include "adapters/nats/connection.h"

#include <bit>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/engine_statistics.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao::nats {
namespace {

constexpr int64_t kReconnectWait_ms = 200;
constexpr int64_t kConnectTimeout_ms = 1'000;
constexpr int64_t kPingInterval_ms = 1'000;
constexpr int kPingsOut = 3;  // a server that is silent for so many is given up
constexpr int64_t kWriteDeadline_ms = 1'000;
constexpr int kReconnectBuffer_bytes = 1 << 20;

void say(const char* event, void* name) {
  const char* connection = static_cast<const char*>(name);
  if (const auto left_out = log_turn(event, connection)) {
    log_info(event, {{"connection", connection}, {"suppressed", *left_out}});
  }
}

// Each of a process's connections counts as a server of its own: they have one server, or one cluster.
EngineStatistics& statistics_of(void* name) {
  return engine_statistics("nats", static_cast<const char*>(name));
}

void on_connected(natsConnection*, void* name) {
  statistics_of(name).connections.store(1);
  say("nats_connected", name);
}
void on_disconnected(natsConnection*, void* name) {
  statistics_of(name).connections.store(0);
  statistics_of(name).errors.fetch_add(1);
  say("nats_disconnected", name);
}
void on_closed(natsConnection*, void* closure) {
  const std::unique_ptr<std::shared_ptr<std::latch>> closed(static_cast<std::shared_ptr<std::latch>*>(closure));
  (*closed)->count_down();
}
// Without a handler of its own the library prints to stderr.
void on_error(natsConnection*, natsSubscription*, natsStatus error, void* name) {
  statistics_of(name).errors.fetch_add(1);
  const char* connection = static_cast<const char*>(name);
  if (const auto left_out = log_turn("nats_error", connection)) {
    log_info("nats_error",
             {{"connection", connection}, {"error", natsStatus_GetText(error)}, {"suppressed", *left_out}});
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& url, const char* name) {
  auto opened = std::unique_ptr<Connection>(new Connection());
  void* closure = std::bit_cast<void*>(name);
  auto closed = std::make_unique<std::shared_ptr<std::latch>>(opened->closed_);  // the library's share
  const auto options = make<natsOptions>([](natsOptions** made) { return natsOptions_Create(made); });
  CHECK(options != nullptr);
  natsOptions* set = options.get();
  if (!url.starts_with("nats://") || url.size() == sizeof("nats://") - 1 ||
      natsOptions_SetURL(set, url.c_str()) != NATS_OK) {
    return fail(ErrorCode::kConfig, "must be like nats://127.0.0.1:4222", "nats.url");
  }
  const bool is_set = natsOptions_SetTimeout(set, kConnectTimeout_ms) == NATS_OK &&
                      natsOptions_SetMaxReconnect(set, std::numeric_limits<int>::max()) == NATS_OK &&
                      natsOptions_SetReconnectWait(set, kReconnectWait_ms) == NATS_OK &&
                      natsOptions_SetReconnectBufSize(set, kReconnectBuffer_bytes) == NATS_OK &&
                      natsOptions_SetPingInterval(set, kPingInterval_ms) == NATS_OK &&
                      natsOptions_SetMaxPingsOut(set, kPingsOut) == NATS_OK &&
                      natsOptions_SetWriteDeadline(set, kWriteDeadline_ms) == NATS_OK &&
                      natsOptions_UseGlobalMessageDelivery(set, true) == NATS_OK &&
                      natsOptions_SetDisconnectedCB(set, on_disconnected, closure) == NATS_OK &&
                      natsOptions_SetReconnectedCB(set, on_connected, closure) == NATS_OK &&
                      natsOptions_SetClosedCB(set, on_closed, closed.get()) == NATS_OK &&
                      natsOptions_SetErrorHandler(set, on_error, closure) == NATS_OK &&
                      natsOptions_SetRetryOnFailedConnect(set, true, on_connected, closure) == NATS_OK;
  CHECK(is_set);
  natsStatus status = NATS_OK;
  opened->connection_ =
      make<natsConnection>([&](natsConnection** made) { return natsConnection_Connect(made, set); }, &status);
  if (opened->connection_ == nullptr) {
    return fail(ErrorCode::kConfig, std::string("can't be used: ") + natsStatus_GetText(status), "nats.url");
  }
  (void)closed.release();
  if (opened->is_connected()) {  // else the library tells when it is
    statistics_of(closure).connections.store(1);
  }
  return opened;
}

uint64_t Connection::generation() const {
  const auto statistics = make<natsStatistics>([](natsStatistics** made) { return natsStatistics_Create(made); });
  CHECK(statistics != nullptr);
  uint64_t reconnections = 0;
  CHECK(natsConnection_GetStats(get(), statistics.get()) == NATS_OK);
  CHECK(natsStatistics_GetCounts(statistics.get(), nullptr, nullptr, nullptr, nullptr, &reconnections) == NATS_OK);
  return reconnections + 1;
}

Connection::~Connection() {
  if (connection_) {
    natsConnection_Close(connection_.get());
    closed_->wait();
  }
}

}  // namespace hongbao::nats

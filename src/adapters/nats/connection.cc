#include "adapters/nats/connection.h"

#include <fmt/format.h>

#include <bit>
#include <limits>
#include <thread>
#include <utility>

#include "adapters/nats/tls.h"
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
constexpr std::string_view kTlsMissing = "is missing, and the NATS server wants TLS";

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
// Without a handler of its own the library prints to stderr.
void on_error(natsConnection*, natsSubscription*, natsStatus error, void* name) {
  statistics_of(name).errors.fetch_add(1);
  const char* connection = static_cast<const char*>(name);
  if (const auto left_out = log_turn("nats_error", connection)) {
    log_info("nats_error",
             {{"connection", connection}, {"error", natsStatus_GetText(error)}, {"suppressed", *left_out}});
  }
}

bool set_timing(natsOptions* set) {
  return natsOptions_SetTimeout(set, kConnectTimeout_ms) == NATS_OK &&
         natsOptions_SetMaxReconnect(set, std::numeric_limits<int>::max()) == NATS_OK &&
         natsOptions_SetReconnectWait(set, kReconnectWait_ms) == NATS_OK &&
         natsOptions_SetReconnectBufSize(set, kReconnectBuffer_bytes) == NATS_OK &&
         natsOptions_SetPingInterval(set, kPingInterval_ms) == NATS_OK &&
         natsOptions_SetMaxPingsOut(set, kPingsOut) == NATS_OK &&
         natsOptions_SetWriteDeadline(set, kWriteDeadline_ms) == NATS_OK;
}

bool set_callbacks(natsOptions* set, void* name) {
  return natsOptions_UseGlobalMessageDelivery(set, true) == NATS_OK &&
         natsOptions_SetDisconnectedCB(set, on_disconnected, name) == NATS_OK &&
         natsOptions_SetReconnectedCB(set, on_connected, name) == NATS_OK &&
         natsOptions_SetErrorHandler(set, on_error, name) == NATS_OK;
}

Result<void> set_identity(natsOptions* set, const Server& server) {
  if (!server.user.empty() && natsOptions_SetUserInfo(set, server.user.c_str(), server.password.c_str()) != NATS_OK) {
    return fail(ErrorCode::kConfig, "can't be used", "nats.user");
  }
  if (!server.credentials_file.empty() &&
      natsOptions_SetUserCredentialsFromFiles(set, server.credentials_file.c_str(), nullptr) != NATS_OK) {
    return fail(ErrorCode::kConfig, "can't be used", "nats.credentials_file");
  }
  return {};
}

// What a server says that is there, and that another try would not change.
Result<void> understood(natsStatus status, const Server& server) {
  const bool has_user = !server.user.empty();
  const char* said = nats_GetLastError(nullptr);
  const std::string_view words = said == nullptr ? "" : said;
  if (!server.credentials_file.empty() && words.find(server.credentials_file) != std::string_view::npos) {
    return fail(ErrorCode::kConfig, fmt::format("can't be used: {}", words), "nats.credentials_file");
  }
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
      return fail(ErrorCode::kConfig, "is not let in by the NATS server: Authorization Violation",
                  has_user                          ? "nats.user"
                  : server.credentials_file.empty() ? "nats.url"
                                                    : "nats.credentials_file");
    case NATS_SECURE_CONNECTION_REQUIRED:
      return fail(ErrorCode::kConfig, std::string(kTlsMissing), "nats.tls_ca_file");
    case NATS_SECURE_CONNECTION_WANTED:
      return fail(ErrorCode::kConfig, "is given, and the NATS server has no TLS", "nats.tls_ca_file");
    case NATS_SSL_ERROR:
      if (words.find(":cert=") == std::string_view::npos) {  // what is not of a certificate: cut off, or silent
        return {};
      }
      if (!server.tls.is_on()) {
        return fail(ErrorCode::kConfig, std::string(kTlsMissing), "nats.tls_ca_file");
      }
      return fail(ErrorCode::kConfig, fmt::format("does not vouch for the NATS server: {}", words), "nats.tls_ca_file");
    default:
      return {};
  }
}

// The library's reader finds a subscription by its number and then locks it, and before nats.c 3.6 it may have ended in
// between. So it is taken from the connection first, and ends when the reader has long passed.
constexpr std::chrono::milliseconds kReaderPasses{5};

}  // namespace

void Destroy::operator()(natsSubscription* subscription) const {
  (void)natsSubscription_Unsubscribe(subscription);
  std::this_thread::sleep_for(kReaderPasses);
  natsSubscription_Destroy(subscription);
}

void Connection::on_closed(natsConnection* connection, void* closure) {
  const std::unique_ptr<std::shared_ptr<End>> end(static_cast<std::shared_ptr<End>*>(closure));
  if (!(*end)->is_wanted.load()) {
    const char* error = nullptr;
    const natsStatus status = natsConnection_GetLastError(connection, &error);
    log_error("nats_closed", {{"connection", (*end)->connection},
                              {"error", error == nullptr || *error == 0 ? natsStatus_GetText(status) : error}});
  }
  (*end)->has_come.count_down();
}

natsStatus Connection::connect(natsOptions* options) {
  auto end = std::make_unique<std::shared_ptr<End>>(end_);  // the library's share
  CHECK(natsOptions_SetClosedCB(options, on_closed, end.get()) == NATS_OK);
  natsStatus status = NATS_OK;
  connection_ =
      make<natsConnection>([&](natsConnection** made) { return natsConnection_Connect(made, options); }, &status);
  if (connection_ != nullptr) {
    (void)end.release();
  }
  return status;
}

Result<std::unique_ptr<Connection>> Connection::open(const Server& server, const char* name) {
  auto opened = std::unique_ptr<Connection>(new Connection(name));
  void* closure = std::bit_cast<void*>(name);
  const auto options = make<natsOptions>([](natsOptions** made) { return natsOptions_Create(made); });
  CHECK(options != nullptr);
  natsOptions* set = options.get();
  const bool has_scheme = server.url.starts_with("nats://") || server.url.starts_with("tls://");
  if (!has_scheme || server.url.ends_with("//") || natsOptions_SetURL(set, server.url.c_str()) != NATS_OK) {
    return fail(ErrorCode::kConfig, "must be like nats://127.0.0.1:4222", "nats.url");
  }
  CHECK(set_timing(set) && set_callbacks(set, closure));
  auto is_set = set_identity(set, server);
  is_set = is_set && server.tls.is_on() ? set_tls(set, server.tls) : is_set;
  if (!is_set) {
    return std::unexpected(is_set.error());
  }
  // The first try tells what is wrong; tries in the background would close the connection, and not say why.
  natsStatus status = opened->connect(set);
  if (status != NATS_OK) {
    if (const auto known = understood(status, server); !known) {
      return std::unexpected(known.error());
    }
    CHECK(natsOptions_SetRetryOnFailedConnect(set, true, on_connected, closure) == NATS_OK);
    status = opened->connect(set);
  }
  if (opened->connection_ == nullptr) {
    return fail(ErrorCode::kConfig, std::string("can't be used: ") + natsStatus_GetText(status), "nats.url");
  }
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
    end_->is_wanted.store(true);
    natsConnection_Close(connection_.get());
    end_->has_come.wait();
  }
}

}  // namespace hongbao::nats

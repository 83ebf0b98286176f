#include "apps/server/node_certificate.h"

#include "apps/node_identity.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {
namespace {

constexpr std::chrono::days kRemindBefore{30};
constexpr double kMsPerSecond = 1'000;

}  // namespace

NodeCertificate::NodeCertificate(const Settings& settings, const Clock& clock, prometheus::Registry& registry)
    : files_(settings.node_tls),
      name_(certificate_name(settings.node_name, settings.region)),
      clock_(clock),
      watch_({files_.ca_file, files_.cert_file, files_.key_file}),
      expires_(add_gauge(registry, "hongbao_node_certificate_expires_seconds",
                         "When the node's certificate ends, in seconds since 1970.")) {}

Result<std::unique_ptr<NodeCertificate>> NodeCertificate::open(const Settings& settings, const Clock& clock,
                                                               prometheus::Registry& registry) {
  std::unique_ptr<NodeCertificate> made(new NodeCertificate(settings, clock, registry));
  auto loaded = made->load();
  return loaded ? Result<std::unique_ptr<NodeCertificate>>(std::move(made)) : std::unexpected(loaded.error());
}

Result<void> NodeCertificate::load() {
  auto tls = make_peer_tls(files_, name_, clock_.now());
  if (!tls) {
    Error error = tls.error();
    error.field = "node.tls_" + error.field;
    return std::unexpected(std::move(error));
  }
  tls_ = std::move(*tls);
  note_expiry();
  return {};
}

void NodeCertificate::renew(PeerIo& io) {
  if (!watch_.is_to_be_read()) {
    return;
  }
  const auto loaded = load();
  const bool is_news = watch_.was_read(loaded.has_value());
  if (loaded) {
    io.use(tls_);
  }
  if (is_news) {
    log_info("node_certificate_renewed", {{"name", name_}});
  } else if (const auto left_out = loaded ? std::nullopt : log_turn("node_certificate_refused")) {
    log_warn("node_certificate_refused",
             {{"key", loaded.error().field}, {"error", loaded.error().detail}, {"suppressed", *left_out}});
  }
}

void NodeCertificate::note_expiry() const {
  const Timestamp end = expiry_of(tls_);
  expires_.Set(static_cast<double>(end.unix_ms) / kMsPerSecond);
  if (end - clock_.now() < kRemindBefore) {
    log_warn("node_certificate_expires", {{"name", name_}, {"at", to_rfc3339(end)}});
  }
}

}  // namespace hongbao

#include "apps/engine_settings.h"

#include <fmt/format.h>

namespace hongbao {
namespace {

// One engine's section.
class EngineSection {
 public:
  EngineSection(ConfigReader& reader, std::string_view name, const EngineTls& tls, bool is_plaintext_allowed)
      : reader_(reader), name_(name), tls_(tls), is_plaintext_allowed_(is_plaintext_allowed) {}

  void check_files() const {
    const std::string& lonely = tls_.cert_file.empty() ? tls_.key_file : tls_.cert_file;
    if (tls_.cert_file.empty() != tls_.key_file.empty()) {
      const auto [given, missing] = tls_.key_file.empty() ? std::pair("tls_cert_file", "tls_key_file")
                                                          : std::pair("tls_key_file", "tls_cert_file");
      reader_.refuse(key(given), fmt::format("needs {} beside it: give both, or neither", key(missing)));
    }
    if (tls_.is_on()) {
      check_content();
    } else if (!lonely.empty() || !tls_.server_name.empty()) {
      reader_.refuse(key(lonely.empty() ? "tls_server_name" : "tls_cert_file"),
                     fmt::format("does nothing in plain text: give {} as well", key("tls_ca_file")));
    }
  }

  void check_host(std::string_view its_key, const std::string& host) const {
    if (!tls_.is_on() && !is_plaintext_allowed_ && !is_loopback(host)) {
      reader_.refuse(its_key,
                     fmt::format("names {}, which is another machine, and what goes there would be in plain text: give "
                                 "{}, or set engines.allow_plaintext = true",
                                 host, key("tls_ca_file")));
    }
  }

 private:
  [[nodiscard]] std::string key(std::string_view name) const { return fmt::format("{}.{}", name_, name); }

  void check_content() const {
    const auto context = make_tls_context(tls_);
    if (context || tls_.cert_file.empty() != tls_.key_file.empty()) {
      return;
    }
    const std::string& member = context.error().field;
    const std::string& file = member == "ca_file"     ? tls_.ca_file
                              : member == "cert_file" ? tls_.cert_file
                                                      : tls_.key_file;
    reader_.refuse(key("tls_" + member),
                   fmt::format("names {}, which {}: give one that does", file, context.error().detail));
  }

  ConfigReader& reader_;
  std::string_view name_;
  const EngineTls& tls_;
  bool is_plaintext_allowed_;
};

}  // namespace

void check_engine_settings(ConfigReader& reader, const Settings& settings) {
  const EngineSection mariadb(reader, "mariadb", settings.mariadb_tls, settings.allow_plaintext);
  mariadb.check_files();
  for (const HostPort& each : settings.mariadb_orders) {
    mariadb.check_host("mariadb.orders", each.host);
  }
  if (settings.mariadb_cold) {
    mariadb.check_host("mariadb.cold", settings.mariadb_cold->host);
  }
  mariadb.check_host("mariadb.ledger", settings.mariadb_ledger.host);
  mariadb.check_host("mariadb.inbox", settings.mariadb_inbox.host);
}

}  // namespace hongbao

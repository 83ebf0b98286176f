#include "apps/engine_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/input_file.h"

namespace hongbao {
namespace {

// The hosts in a list of scheme://[USER[:PASSWORD]@]HOST[:PORT].
std::vector<std::string> hosts_of(std::string_view urls) {
  std::vector<std::string> hosts;
  while (!urls.empty()) {
    std::string_view url = urls.substr(0, urls.find(','));
    urls.remove_prefix(std::min(urls.size(), url.size() + 1));
    url.remove_prefix(url.find("://") == std::string_view::npos ? 0 : url.find("://") + 3);
    url.remove_prefix(url.rfind('@') == std::string_view::npos ? 0 : url.rfind('@') + 1);
    if (url.starts_with('[')) {  // [::1]:4222
      hosts.emplace_back(url.substr(1, url.find(']') - 1));
    } else {
      hosts.emplace_back(url.substr(0, url.find_first_of(":/")));
    }
  }
  return hosts;
}

void require_private(ConfigReader& reader, std::string_view key, const std::string& file) {
  if (const auto checked = check_private_file(file); !checked) {
    reader.refuse(key, fmt::format("names {}, which {}", file, checked.error().detail));
  }
}

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
    if (context) {
      require_private(reader_, key("tls_key_file"), tls_.key_file);
    }
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

void check_mariadb(ConfigReader& reader, const Settings& settings) {
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

void check_redis(ConfigReader& reader, const Settings& settings) {
  if (!settings.redis_user.empty() && settings.redis_password.empty()) {
    reader.refuse("redis.user", "needs redis.password_file beside it: give both, or leave it out");
  }
  const EngineSection redis(reader, "redis", settings.redis_tls, settings.allow_plaintext);
  redis.check_files();
  redis.check_host("redis.address", settings.redis.host);
}

void check_nats(ConfigReader& reader, const Settings& settings) {
  if (settings.nats_user.empty() != settings.nats_password.empty()) {
    const bool has_user = !settings.nats_user.empty();
    reader.refuse(
        has_user ? "nats.user" : "nats.password_file",
        fmt::format("needs {} beside it: give both, or neither", has_user ? "nats.password_file" : "nats.user"));
  }
  if (!settings.nats_user.empty() && !settings.nats_credentials_file.empty()) {
    reader.refuse("nats.credentials_file", "tells who this is, and so does nats.user: leave one of them out");
  }
  require_private(reader, "nats.credentials_file", settings.nats_credentials_file);
  const EngineSection nats(reader, "nats", settings.nats_tls, settings.allow_plaintext);
  nats.check_files();
  if (settings.nats_url.find("tls://") != std::string::npos && !settings.nats_tls.is_on()) {
    reader.refuse("nats.url", "says tls://: give nats.tls_ca_file as well");
  }
  for (const std::string& host : hosts_of(settings.nats_url)) {
    nats.check_host("nats.url", host);
  }
}

}  // namespace

void check_engine_settings(ConfigReader& reader, const Settings& settings) {
  check_mariadb(reader, settings);
  check_redis(reader, settings);
  check_nats(reader, settings);
}

}  // namespace hongbao

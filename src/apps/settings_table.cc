#include "apps/settings_table.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "api/admin/admin_tokens.h"
#include "api/jwks.h"
#include "base/number.h"
#include "core/ledger.h"
#include "core/limits.h"
#include "net/http/connections.h"

namespace hongbao {
namespace {

constexpr int64_t kMinute_ms = 60'000;
constexpr int64_t kHour_ms = 60 * kMinute_ms;
constexpr int64_t kDay_ms = 24 * kHour_ms;
constexpr int64_t kMib = 1 << 20;
constexpr int64_t kResidentMibLeast = 16;  // the largest packet takes 5 MiB and must fit
constexpr size_t kDataDirBytesMax = 440;   // SQLite's paths have 512 at most
constexpr Range kGather_us{0, 100'000};
constexpr int64_t kGatherDistributed_us = 2'000;

HostPort parse_host_port(ConfigReader& reader, const std::string& key, std::string_view text) {
  const size_t colon = text.rfind(':');
  const uint16_t port =
      colon == std::string_view::npos ? uint16_t{0} : parse_decimal<uint16_t>(text.substr(colon + 1)).value_or(0);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {  // [::1]
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || port == 0) {
    reader.refuse(key, fmt::format("must be HOST:PORT, not \"{}\"", text));
    return {};
  }
  return {std::string(host), port};
}

std::vector<HostPort> parse_host_ports(ConfigReader& reader, const std::string& key, std::string_view text) {
  std::vector<HostPort> addresses;
  while (true) {
    const size_t comma = text.find(',');
    addresses.push_back(parse_host_port(reader, key, text.substr(0, comma)));
    if (comma == std::string_view::npos) {
      return addresses;
    }
    text.remove_prefix(comma + 1);
  }
}

Setting host_port(std::string_view name, HostPort& target, std::string_view value, std::string_view about) {
  return special(name, "HOST:PORT", value, about, [&target, value](ConfigReader& reader, const std::string& key) {
    target = parse_host_port(reader, key, reader.text(key, value));
  });
}

Setting host_ports(std::string_view name, std::vector<HostPort>& target, std::string_view value,
                   std::string_view about) {
  return special(name, "HOST:PORT,…", value, about, [&target, value](ConfigReader& reader, const std::string& key) {
    target = parse_host_ports(reader, key, reader.text(key, value));
  });
}

Setting optional_host_port(std::string_view name, std::optional<HostPort>& target, std::string_view otherwise,
                           std::string_view value, std::string_view about) {
  return unless_given(otherwise,
                      special(name, "HOST:PORT", value, about, [&target](ConfigReader& reader, const std::string& key) {
                        if (const auto text = reader.text(key, ""); !text.empty()) {
                          target = parse_host_port(reader, key, text);
                        }
                      }));
}

// As the first order server, when it is not given.
Setting host_port_as_orders(std::string_view name, HostPort& target, const std::vector<HostPort>& orders,
                            std::string_view value, std::string_view about) {
  return unless_given(
      "the first of `mariadb.orders`",
      special(name, "HOST:PORT", value, about, [&target, &orders](ConfigReader& reader, const std::string& key) {
        const HostPort& first = orders.front();
        const auto otherwise = fmt::format("{}:{}", first.host, first.port);
        target = parse_host_port(reader, key, reader.text(key, otherwise));
      }));
}

Setting addresses(std::string_view name, std::set<boost::asio::ip::address>& target, std::string_view otherwise,
                  std::string_view value, std::string_view about) {
  return unless_given(
      otherwise, special(name, "ADDRESS,…", value, about, [&target](ConfigReader& reader, const std::string& key) {
        const std::string text = reader.text(key, "");
        for (const auto part : std::views::split(std::string_view(text), ',')) {
          boost::system::error_code bad;
          const auto address = boost::asio::ip::make_address(std::string_view(part), bad);
          if (bad) {
            reader.refuse(key, fmt::format("must be IP addresses separated by commas, not \"{}\"", text));
            return;
          }
          target.insert(client_of(address));
        }
      }));
}

Setting master_keys_file(std::string_view name, Settings& s, std::string_view value, std::string_view about) {
  auto made = secret_file(
      name,
      [&s](ConfigReader& reader, const std::string& key, const std::string& content) {
        auto keys = parse_keys(content);
        if (keys) {
          s.master_keys = std::move(*keys);
        } else {
          reader.refuse(key,
                        fmt::format("names a file that {}: `hongbaoctl init` and `key` make it", keys.error().detail));
        }
      },
      value, about);
  made.read = [&s, read = std::move(made.read)](ConfigReader& reader, const std::string& key) {
    s.master_keys_file = reader.path(key, "");
    read(reader, key);
  };
  return made;
}

// Looked at here so that a start names the key; a server reads it again and again.
Setting admin_tokens_file(std::string_view name, std::string& target, std::string_view value, std::string_view about) {
  auto made = special(name, "file", value, about, [&target](ConfigReader& reader, const std::string& key) {
    target = reader.required_path(key);
    if (const auto read = target.empty() ? Result<std::vector<AdminToken>>() : read_admin_tokens(target); !read) {
      reader.refuse(key, fmt::format("names {}, which {}", target, read.error().detail));
    }
  });
  made.otherwise = kMustBeGiven;
  return made;
}

Setting fen(std::string_view name, Money& target, int64_t value, Range range, std::string_view about) {
  int64_t unused = 0;
  auto made = integer(name, unused, value, range, about);
  made.read = [&target, value, range](ConfigReader& reader, const std::string& key) {
    target = Money(reader.integer(key, value, range.least, range.most));
  };
  return made;
}

Setting file_to_write(std::string_view name, std::string& target, std::string_view value, std::string_view about) {
  return special(name, "path", value, about, [&target, value](ConfigReader& reader, const std::string& key) {
    target = reader.path(key, value);
    if (target.empty() || target.size() > kDataDirBytesMax) {
      reader.refuse(key, fmt::format("must be a path of 1 to {} bytes", kDataDirBytesMax));
    }
  });
}

Setting ctl_token_file(std::string_view name, std::string_view value, std::string_view about) {
  auto made = special(name, "file", value, about,
                      [](ConfigReader& reader, const std::string& key) { (void)reader.path(key, ""); });
  made.otherwise = "none";
  return made;
}

Setting data_dir(std::string_view name, Settings& s, std::string_view value, std::string_view about) {
  auto made = special(name, "path", value, about, [&s](ConfigReader& reader, const std::string& key) {
    s.data_dir = s.distributed ? reader.text(key, "") : reader.required_path(key);
    if (s.data_dir.size() > kDataDirBytesMax) {
      reader.refuse(key, fmt::format("is longer than {} bytes, which SQLite can't take", kDataDirBytesMax));
    }
  });
  made.otherwise = kMustBeGiven;
  return made;
}

Setting node_address(std::string_view name, Settings& s, std::string_view value, std::string_view about) {
  return unless_given("`node.listen`",
                      special(name, "address", value, about, [&s](ConfigReader& reader, const std::string& key) {
                        s.node_address = reader.text(key, s.node_listen);
                      }));
}

// A part of the node's identity, as `hongbaoctl init` names it.
Setting node_file(std::string_view name, const bool& distributed, std::string& target, std::string_view value,
                  std::string_view about) {
  auto made = only_when(
      distributed, special(name, "file", value, about, [&target, value](ConfigReader& reader, const std::string& key) {
        target = reader.path(key, value);
      }));
  made.is_written = true;
  made.acts = Acts::kDistributed;
  return made;
}

// A commit of MariaDB costs as much as a hundred of its rows: it pays to let some come together.
Setting gather(std::string_view name, Settings& s, std::string_view about) {
  auto made = unless_given(fmt::format("0 (distributed: {})", kGatherDistributed_us),
                           integer(name, s.shard.gather, kGatherDistributed_us, kGather_us, about));
  made.read = [&s](ConfigReader& reader, const std::string& key) {
    s.shard.gather = std::chrono::microseconds(
        reader.integer(key, s.distributed ? kGatherDistributed_us : 0, kGather_us.least, kGather_us.most));
  };
  return made;
}

// Of a channel's section, by the name that the key has for it.
TakeContent into_channel(Settings& s) {
  return [&s](ConfigReader&, const std::string& key, const std::string& content) {
    const size_t begin = key.find('.') + 1;
    s.api.channel_secrets[key.substr(begin, key.find('.', begin) - begin)].push_back(content);
  };
}

TakeContent into(std::string& target) {
  return [&target](ConfigReader&, const std::string&, const std::string& content) { target = content; };
}

TakeContent signing_secret(std::vector<std::string>& target) {
  return [&target](ConfigReader& reader, const std::string& key, const std::string& content) {
    if (content.size() < kTokenSecretBytesMin) {
      reader.refuse(key, fmt::format("names a file with less than {} characters: HS256 wants a longer secret",
                                     kTokenSecretBytesMin));
    } else if (is_one_byte_repeated(as_bytes(content))) {
      reader.refuse(key, "names a file whose secret is one character over and over: make one with `hongbaoctl init`");
    }
    target.push_back(content);
  };
}

// Need not be given where `jwks_file` is, which is read behind it and looks whether there is one of the two.
Setting jwt_secret_file(std::string_view name, AuthOptions& auth, std::string_view value, std::string_view about) {
  auto made = optional_secret_file(name, signing_secret(auth.secrets), value, about);
  made.otherwise = "must be given, or `auth.jwks_file`";
  made.is_written = true;
  return made;
}

Setting jwks_file(std::string_view name, AuthOptions& auth, std::string_view value, std::string_view about) {
  return unless_given("none",
                      special(name, "file", value, about, [&auth](ConfigReader& reader, const std::string& key) {
                        auth.jwks_file = reader.path(key, "");
                        if (auth.jwks_file.empty()) {
                          if (auth.secrets.empty()) {
                            reader.refuse("auth.jwt_secret_file", "is missing: set it in the file or the environment");
                          }
                          return;
                        }
                        if (auto keys = read_jwks_file(auth.jwks_file)) {
                          auth.jwks = std::move(*keys);
                        } else {
                          reader.refuse(key, fmt::format("names {}, {}", auth.jwks_file, keys.error().detail));
                        }
                      }));
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
std::vector<SettingSection> settings_table(Settings& s) {
  using enum Acts;
  // clang-format off
  return {
    {"node", "This process, and the other ones of its region.", {
      one_of("engines", [&s](auto& it) { s.distributed = it == "distributed"; }, "embedded", {"embedded", "distributed"}, "alone on SQLite, or several nodes on MariaDB, Redis and NATS"),
      one_of("core_dumps", [&s](auto& it) { s.core_dumps = it == "on"; }, "off", {"off", "on"}, "of a process that breaks; they hold all secrets"),
      distributed(text("name", s.node_name, "node", "each node has its own")),
      distributed(text("listen", s.node_listen, "127.0.0.1:8082", "for the other nodes; keep it on a private network")),
      distributed(node_address("address", s, "127.0.0.1:8082", "where other nodes reach this one")),
      node_file("tls_ca_file", s.distributed, s.node_tls.ca_file, "secrets/nodes-ca.pem", "the authority that signs for nodes and nobody else, in PEM; two while it is changed"),
      node_file("tls_cert_file", s.distributed, s.node_tls.cert_file, "secrets/node.pem", "this node's certificate, for NAME.REGION.hongbao; read again when it changes"),
      node_file("tls_key_file", s.distributed, s.node_tls.key_file, "secrets/node.key", "its key, unencrypted"),
      distributed(integer("lease_ms", s.placement.lease, 3'000, {300, 600'000}, "when a node is silent for so long, others take its shards")),
      distributed(integer("beat_ms", s.beat_interval, 300, {10, 60'000}, "between two signs of life; a third of lease_ms at most")),
      distributed(integer("leave_ms", s.leave_pause, 2'000, {0, 600'000}, "how long a node that stops still forwards what comes for its shards")),
    }},
    {"data", "Where SQLite keeps everything.", {
      data_dir("dir", s, "data", "a directory of this deployment alone, made by the first start"),
    }, kEmbedded},
    {"server", "The public API.", {
      text("listen", s.public_listen, "127.0.0.1:8080", "address and port; port 0 takes any that is free"),
      integer("io_threads", s.io_threads, 2, {1, 64}, "for connections"),
      integer("worker_threads", s.workers, 2, {1, 64}, "for reads of ledger and inbox"),
      integer("connections_max", s.http.connections_max, 10'000, {1, 1'000'000}, "at once"),
      integer("connections_per_address_max", s.http.connections_per_address_max, 1'000, {1, 1'000'000}, "at once; of an IPv6 network of 64 bits"),
      addresses("proxies", s.http.proxies, "none", "127.0.0.1,::1", "balancers: each carries many clients, and has no limit as one address; it should have limits of its own"),
      integer("header_bytes_max", s.http.header_bytes_max, 8'192, {1'024, 65'536}, "of a request's header"),
      integer("body_bytes_max", s.http.body_bytes_max, 16'384, {1'024, kMib}, "of a request's body"),
      integer("pipelined_requests_max", s.http.pipelined_requests_max, 64, {1, 10'000}, "of one connection"),
      mib("owed_connection_mib_max", s.http.owed_bytes_connection_max, 1, {1, 1 << 20}, "of answers that a connection's client has not taken; then nothing more is read from it"),
      mib("owed_address_mib_max", s.http.owed_bytes_address_max, 64, {1, 1 << 20}, "of answers that one address's clients have not taken; large answers may fill half"),
      mib("owed_mib_max", s.http.owed_bytes_max, 512, {1, 1 << 20}, "of answers that all clients have not taken; large answers may fill half"),
      integer("first_byte_timeout_ms", s.http.first_byte_timeout, 5'000, {10, kDay_ms}, "from a connection's beginning to its first byte"),
      integer("request_timeout_ms", s.http.request_timeout, 10'000, {10, kDay_ms}, "from a request's first byte to its last"),
      integer("idle_timeout_ms", s.http.idle_timeout, 75'000, {10, kDay_ms}, "longer than the balancer before it keeps a connection idle: commonly 60 s"),
      integer("drain_timeout_ms", s.drain_timeout, 10'000, {0, kDay_ms}, "for answers that are due when the server stops"),
    }},
    {"admin", "The admin API.", {
      text("listen", s.admin_listen, "127.0.0.1:8081", "keep it on loopback"),
      admin_tokens_file("tokens_file", s.admin_tokens_file, "secrets/admin.tokens", "names, roles and hashes of the tokens that callers may have; `hongbaoctl admin-token` writes it, and it is read again when it changes"),
      fen("deposit_max_fen", s.deposit_max, 100'000'000, {1, kDepositMax.fen()}, "of one deposit"),
      fen("deposit_daily_max_fen", s.deposits_daily_max, 10'000'000'000, {1, kPostedMax.fen()}, "of a day's deposits in the whole region (days begin at midnight, UTC+8); the ledger counts them. Give all nodes the same"),
      file_to_write("journal_file", s.admin_journal_file, "admin-journal.db", "where this node writes down every change before it is made; each node has its own"),
      mib("journal_mib_max", s.admin_journal_bytes_max, 1'024, {1, 1 << 20}, "of it; then changes are refused"),
      ctl_token_file("token_file", "secrets/admin.token", "the token that `hongbaoctl` shows; no server reads it"),
    }},
    {"health", "What balancers and supervisors ask: /healthz and /readyz, without a token, and nothing else.", {
      text("listen", s.health_listen, "127.0.0.1:8083", "where the balancer reaches it"),
    }},
    {"auth", "Who asks.", {
      jwt_secret_file("jwt_secret_file", s.auth, "secrets/jwt.secret", "shared with the app's back end, which signs users' tokens (HS256)"),
      optional_secret_file("jwt_previous_secret_file", signing_secret(s.auth.secrets), "secrets/jwt.previous.secret", "good as well, while jwt_secret_file is being changed"),
      jwks_file("jwks_file", s.auth, "secrets/jwks.json", "a JSON Web Key Set: keys that users' tokens name in their kid (HS256, ES256, EdDSA); read again when it changes"),
      integer("leeway_s", s.auth.leeway, 5, {0, 300}, "for clocks that differ, on a token's exp and nbf"),
      integer("token_lifetime_max_s", s.auth.lifetime_max, 30 * 86'400, {60, 3'650 * 86'400}, "how far in the future a token's exp may be"),
      unless_given("any", text("issuer", s.auth.issuer, "", "what a token's iss must be")),
      unless_given("any", text("audience", s.auth.audience, "", "what a token's aud must name")),
      master_keys_file("master_keys_file", s, "secrets/master.keys", "packet tags, seals, tickets, pay tokens; losing it orphans every packet id; read again when it changes"),
    }},
    {kChannelSection, "A payment channel; its name is free.", {
      secret_file("secret_file", into_channel(s), "secrets/channel-NAME.secret", "the channel signs its notifications with it"),
      optional_secret_file("previous_secret_file", into_channel(s), "secrets/channel-NAME.previous.secret", "good as well, while secret_file is being changed"),
    }},
    {"engines", "MariaDB, Redis and NATS.", {
      boolean("allow_plaintext", s.allow_plaintext, false, "to another machine without TLS; else only on loopback"),
    }, kDistributed},
    {"mariadb", "Orders, ledger and inbox.", {
      host_ports("orders", s.mariadb_orders, "127.0.0.1:3306", "or several, separated by commas: shards are dealt over them by number"),
      optional_host_port("cold", s.mariadb_cold, "where a shard's orders are", "127.0.0.1:3306", "for old days"),
      host_port_as_orders("ledger", s.mariadb_ledger, s.mariadb_orders, "127.0.0.1:3306", "the server of the ledger"),
      host_port_as_orders("inbox", s.mariadb_inbox, s.mariadb_orders, "127.0.0.1:3306", "the server of the inbox"),
      text("user", s.mariadb_user, "hongbao", "of all servers"),
      only_when(s.distributed, secret_file("password_file", into(s.mariadb_password), "secrets/mariadb.password", "of that user")),
      only_when(s.distributed, optional_file("tls_ca_file", s.mariadb_tls.ca_file, "secrets/mariadb-ca.pem", "an authority's certificate in PEM: with it TLS, and only servers that it vouches for under the host that is given here")),
      only_when(s.distributed, optional_file("tls_cert_file", s.mariadb_tls.cert_file, "secrets/mariadb-client.pem", "this node's certificate, for servers that ask for one")),
      only_when(s.distributed, optional_file("tls_key_file", s.mariadb_tls.key_file, "secrets/mariadb-client.key", "its key, unencrypted")),
    }, kDistributed},
    {"redis", "The cache.", {
      host_port("address", s.redis, "127.0.0.1:6379", "its server"),
      integer("timeout_ms", s.redis_timeout, 200, {1, 60'000}, "for an answer"),
      unless_given("Redis's own", text("user", s.redis_user, "", "a user of its access control list")),
      only_when(s.distributed, optional_secret_file("password_file", into(s.redis_password), "secrets/redis.password", "of that user, or of the server")),
      only_when(s.distributed, optional_file("tls_ca_file", s.redis_tls.ca_file, "secrets/redis-ca.pem", "an authority's certificate in PEM: with it TLS, and only servers that it vouches for under the host that is given here")),
      only_when(s.distributed, optional_file("tls_cert_file", s.redis_tls.cert_file, "secrets/redis-client.pem", "this node's certificate, for servers that ask for one")),
      only_when(s.distributed, optional_file("tls_key_file", s.redis_tls.key_file, "secrets/redis-client.key", "its key, unencrypted")),
      unless_given("the host", text("tls_server_name", s.redis_tls.server_name, "", "the name that servers' certificates have instead")),
    }, kDistributed},
    {"nats", "The voucher stream, switches and traffic weights.", {
      text("url", s.nats_url, "nats://127.0.0.1:4222", "its servers, separated by commas"),
      unless_given("none", text("user", s.nats_user, "", "of all servers")),
      only_when(s.distributed, optional_secret_file("password_file", into(s.nats_password), "secrets/nats.password", "of that user")),
      only_when(s.distributed, optional_file("credentials_file", s.nats_credentials_file, "secrets/nats.creds", "what nsc made for this user, instead of user and password")),
      only_when(s.distributed, optional_file("tls_ca_file", s.nats_tls.ca_file, "secrets/nats-ca.pem", "an authority's certificate in PEM: with it TLS, and only servers that it vouches for under the host that is given here")),
      only_when(s.distributed, optional_file("tls_cert_file", s.nats_tls.cert_file, "secrets/nats-client.pem", "this node's certificate, for servers that ask for one")),
      only_when(s.distributed, optional_file("tls_key_file", s.nats_tls.key_file, "secrets/nats-client.key", "its key, unencrypted")),
      unless_given("the host", text("tls_server_name", s.nats_tls.server_name, "", "the name that servers' certificates have instead")),
      integer("replicas", s.nats_replicas, 1, {1, 5}, "servers that keep the voucher stream and the switches"),
      integer("stream_age_max_s", s.nats_stream_age_max, 3'600, {120, 7 * 86'400}, "older vouchers are read from the log"),
      integer("stream_mib_max", s.nats_stream_mib_max, 4'096, {1, 1 << 20}, "vouchers beyond that are read from the log"),
    }, kDistributed},
    {"region", "The deployment's region.", {
      one_of("name", [&s](auto& it) { s.region = parse_region_name(it).value_or(Region()); }, "south", {"south", "north"}, "packets' ids name it"),
    }},
    {"shards", "How orders are dealt, and what a shard may hold.", {
      integer("count", s.shard_count, 4, {1, ShardId::kNumberMax + 1}, "of the region"),
      integer("mailbox_commands_max", s.shard.mailbox_commands_max, 16'384, {1, 10'000'000}, "waiting for a shard"),
      integer("batch_commands_max", s.shard.batch_commands_max, 1'024, {1, 100'000}, "in one commit"),
      gather("gather_us", s, "a batch gathers for so long after a commit"),
      integer("packet_opens_in_flight_max", s.shard.opens_in_flight_max, 4'096, {1, 1'000'000}, "opens of one packet on their way"),
      mib("resident_mib_max", s.shard.engine.resident_bytes_max, 512, {kResidentMibLeast, 1'000'000}, "packets in memory, for each shard; the largest one must fit"),
      integer("command_timeout_ms", s.api.command_timeout, 5'000, {1, 600'000}, "for an answer"),
    }},
    {"packets", "How long packets live.", {
      integer("ttl_ms", s.shard.engine.packet_ttl, kDay_ms, {1, 366 * kDay_ms}, "from payment to refund"),
      integer("payable_ms", s.ordering.payable, 15 * kMinute_ms, {1, kDay_ms}, "from sending to the last moment of payment"),
      integer("ticket_ttl_ms", s.ticket_ttl, 5 * kMinute_ms, {1, kDay_ms}, "from a grab to the last moment of its open"),
    }},
    {"settlement", "From escrow to wallets.", {
      integer("batch_vouchers_max", s.settlement_batch_vouchers_max, 2'048, {1, 100'000}, "in one transaction"),
      integer("deferral_ms", s.ledger.deferral, 1'000, {1, kDay_ms}, "first pause before a refused transfer is tried again; it doubles …"),
      integer("deferral_max_ms", s.reconciler.deferral_max, kHour_ms, {1, 30 * kDay_ms}, "… up to this"),
    }},
    {"refunds", "Of packets that have expired.", {
      integer("interval_ms", s.refunds_interval, 1'000, {10, kDay_ms}, "between two looks for them"),
    }},
    {"reconciliation", "Of payments whose packet is not active.", {
      integer("interval_ms", s.reconciliation_interval, 2'000, {10, kDay_ms}, "between two looks for them"),
      integer("grace_ms", s.reconciler.grace, 5'000, {0, kDay_ms}, "younger payments are taken to be on their way"),
    }},
    {"audit", "Of the money.", {
      integer("interval_ms", s.audit_interval, kMinute_ms, {100, kDay_ms}, "between two audits"),
    }},
    {"archive", "Old days move to cold storage.", {
      integer("hot_days", s.archive.hot_days, 30, {0, 36'500}, "today is the first of them; 0: a day moves when its packets have finished"),
      integer("interval_ms", s.archive_interval, 10 * kMinute_ms, {10, kDay_ms}, "between two looks for them"),
      integer("rows_per_s_max", s.archive.rows_per_s_max, 20'000, {1, 100'000'000}, "read and written for it"),
    }},
    {"cache", "Pre-orders, greetings, profiles.", {
      embedded(mib("mib_max", s.cache_bytes_max, 256, {1, 1'000'000}, "of memory")),
      integer("sends_per_user_max", s.sends_per_user_max, 10'000, {1, 10'000'000}, "remembered; the user's oldest are forgotten first"),
    }},
    {"log", "Lines of JSON on standard error.", {
      one_of("level", [&s](auto& it) { s.log_level = it; }, "info", {"debug", "info", "warn", "error"}, "lines of lower levels are not written"),
    }},
  };
  // clang-format on
}

}  // namespace hongbao

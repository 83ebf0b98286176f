// The operator's command line: noun, verb. Exit status: 0 done, 1 the server refused, a check failed or the output
// could not be written, 2 used wrongly.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/command_line.h"
#include "apps/ctl/admin_token.h"
#include "apps/ctl/backup.h"
#include "apps/ctl/claim.h"
#include "apps/ctl/client.h"
#include "apps/ctl/commands.h"
#include "apps/ctl/deposit.h"
#include "apps/ctl/init.h"
#include "apps/ctl/journal.h"
#include "apps/ctl/keys.h"
#include "apps/ctl/node_certificates.h"
#include "apps/ctl/schema.h"
#include "apps/settings_table.h"
#include "base/crypto.h"
#include "base/number.h"
#include "base/program.h"
#include "core/limits.h"
#include "ports/control.h"

namespace hongbao {
namespace {

namespace json = boost::json;

// An audit or a reconciliation looks at everything there is.
constexpr std::chrono::hours kLongWork{1};

int print_answer(const Result<ServerAnswer>& answer, bool as_json) {
  if (!answer) {
    return complain(answer.error());
  }
  print_body(answer->body, as_json);
  return answer->status < 400 ? kExitDone : kExitFailed;
}

int ask_admin(const CtlOptions& options, const std::string& method, const std::string& target,
              const json::object& body = {}, const AskOptions& ask = {}) {
  const auto server = admin_access(options);
  if (!server) {
    return complain(server.error());
  }
  const std::string text = body.empty() ? "" : json::serialize(body);
  return print_answer(ask_server(*server, method, target, text, ask), options.json);
}

// The server answers 200 whatever is wrong: a script goes by the exit status.
int show_region(const CtlOptions& options) {
  const auto server = admin_access(options);
  if (!server) {
    return complain(server.error());
  }
  const auto answer = ask_server(*server, "GET", "/admin/v1/region");
  const int exit = print_answer(answer, options.json);
  const json::value* ok =
      exit == kExitDone && answer->body.is_object() ? answer->body.get_object().if_contains("ok") : nullptr;
  return exit == kExitDone && (ok == nullptr || *ok != true) ? kExitFailed : exit;
}

int show_packet(const CtlOptions& options, const std::string& user, const std::vector<std::string>& groups,
                const std::string& id) {
  const auto server = public_access(options, user, groups);
  if (!server) {
    return complain(server.error());
  }
  return print_answer(ask_server(*server, "GET", "/v1/packets/" + encode(id)), options.json);
}

int print_token(const CtlOptions& options, const std::string& user, const std::vector<std::string>& groups,
                int64_t ttl_s) {
  const auto token = user_token(options, user, groups, ttl_s);
  if (!token) {
    return complain(token.error());
  }
  if (options.json) {
    print_body(json::object{{"user_id", user}, {"token", *token}}, true);
  } else {
    fmt::print("{}\n", *token);
  }
  return kExitDone;
}

// May be given several times.
CLI::Option* add_groups(CLI::App* command, std::vector<std::string>& groups, const char* what) {
  return command->add_option("--group", groups, what)->allow_extra_args(false)->check(user_id());
}

int print_new_admin_token(const CtlOptions& options, const std::string& name, const std::string& role) {
  const auto token = add_admin_token(options, name, *parse_admin_role(role));
  if (!token) {
    return complain(token.error());
  }
  if (options.json) {
    print_body(json::object{{"name", name}, {"role", role}, {"token", *token}}, true);
  } else {
    fmt::print("{}\n", *token);
  }
  return kExitDone;
}

int print_admin_tokens_of(const CtlOptions& options) {
  const auto tokens = list_admin_tokens(options);
  if (!tokens) {
    return complain(tokens.error());
  }
  json::array list;
  for (const AdminToken& each : *tokens) {
    list.push_back({{"name", each.name}, {"role", to_text(each.role)}, {"added_at", each.added_at}});
  }
  print_body(json::object{{"tokens", std::move(list)}}, options.json);
  return kExitDone;
}

int revoke_token(const CtlOptions& options, const std::string& name) {
  const auto revoked = revoke_admin_token(options, name);
  return revoked ? kExitDone : complain(revoked.error());
}

// REGION=WEIGHT, each region once.
Result<json::object> parse_weights(const std::vector<std::string>& pairs) {
  json::object weights;
  for (const std::string& pair : pairs) {
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string region = pair.substr(0, equals);
    const auto weight = equals < pair.size() ? parse_decimal<uint32_t>(pair.substr(equals + 1)) : std::nullopt;
    if (!parse_region_name(region) || !weight || *weight > kWeightMax) {
      return fail(
          ErrorCode::kInvalidField,
          fmt::format("must be south or north, =, and a whole number from 0 to {} in decimal digits, not \"{}\"",
                      kWeightMax, pair),
          "WEIGHTS:");
    }
    if (!weights.emplace(region, *weight).second) {
      return fail(ErrorCode::kInvalidField, fmt::format("must name {} once", region), "WEIGHTS:");
    }
  }
  return weights;
}

int set_weights(const CtlOptions& options, const std::vector<std::string>& pairs) {
  auto weights = parse_weights(pairs);
  return weights ? ask_admin(options, "PUT", "/admin/v1/traffic", {{"weights", std::move(*weights)}})
                 : complain(weights.error());
}

std::vector<std::string> switch_names() {
  std::vector<std::string> names;
  for (int i = 0; i < kSwitches; ++i) {
    names.emplace_back(to_text(static_cast<Switch>(i)));
  }
  return names;
}

int print_verification(const Result<Claim>& claim, bool as_json) {
  if (!claim) {
    return complain(claim.error());
  }
  const auto verified = verify(*claim);
  if (!verified) {
    return complain(verified.error());
  }
  json::array shares;
  for (const Finding& finding : verified->shares) {
    shares.push_back({{"seq", finding.seq}, {"drawn", finding.drawn.fen()}, {"matches", finding.matches}});
  }
  print_body(json::object{{"packet_id", claim->packet_id},
                          {"holds", verified->holds()},
                          {"commitment_matches", verified->commitment_matches},
                          {"shares", std::move(shares)}},
             as_json);
  return verified->holds() ? kExitDone : kExitFailed;
}

int print_schema(const CtlOptions& options, bool migrate) {
  const auto text = run_schema(options.config, migrate, options.json);
  if (!text) {
    return complain(text.error());
  }
  fmt::print("{}", *text);
  return kExitDone;
}

int print_path(const Result<std::string>& path) {
  if (!path) {
    return complain(path.error());
  }
  fmt::print("{}\n", *path);
  return kExitDone;
}

int print_certified(const std::string& directory, const std::string& node, const std::string& region) {
  const auto paths = certify_node(directory, node, parse_region_name(region).value());
  return print_path(paths ? Result<std::string>(fmt::format("{}", fmt::join(*paths, "\n")))
                          : std::unexpected(paths.error()));
}

int print_done(const CtlOptions& options, const Result<json::object>& done) {
  if (done) {
    print_body(*done, options.json);
    return kExitDone;
  }
  return complain(done.error());
}

// Every command sets `exit` when CLI11 calls it back.
struct Ctl {
  CLI::App app{
      "hongbaoctl: operates and audits a Hongbao server.\n\nThe server's TOML file tells addresses and secrets.",
      "hongbaoctl"};
  CtlOptions options;
  int exit = kExitUsage;

  std::string directory;
  std::string user;
  std::vector<std::string> groups;
  int64_t ttl_s = 3600;
  std::string id;
  std::string name;
  std::string region = "south";
  std::string key_from;
  uint32_t key_number = 0;
  std::string state;
  std::string role;
  std::string shard;
  std::string from_day = "20000101";
  std::vector<std::string> weights;
  int64_t amount = 0;
  int64_t before = 0;
  std::string key;
  bool deep = false;
  bool replace = false;
  VerifyOptions verification;

  Ctl();
  CLI::App* noun(const std::string& what, const std::string& help);
  void verb(CLI::App* of, const std::string& what, const std::string& help, const std::function<void()>& run,
            const std::function<void(CLI::App*)>& add_options = {});
  void add_local_commands();
  void add_certificate_commands();
  void add_key_commands();
  void add_admin_tokens();
  void add_schema_commands();
  void add_server_commands();
  void add_backup_commands();
  void add_wallet_commands();
  void add_verify();
};

Ctl::Ctl() {
  app.add_option("-c,--config", options.config, "The server's TOML file")->envname("HONGBAO_CONFIG");
  app.add_option("--url", options.url, "Public API, if not server.listen of the file")->check(http_url());
  app.add_option("--admin-url", options.admin_url, "Admin API, if not admin.listen of the file")->check(http_url());
  app.add_flag("--json", options.json, "Print JSON")->disable_flag_override();
  app.require_subcommand(1);
  app.fallthrough();
  add_local_commands();
  add_certificate_commands();
  add_key_commands();
  add_admin_tokens();
  add_schema_commands();
  add_server_commands();
  add_backup_commands();
  add_wallet_commands();
  add_verify();
}

CLI::App* Ctl::noun(const std::string& what, const std::string& help) {
  CLI::App* made = app.add_subcommand(what, help);
  made->require_subcommand(1);
  made->fallthrough();
  return made;
}

void Ctl::verb(CLI::App* of, const std::string& what, const std::string& help, const std::function<void()>& run,
               const std::function<void(CLI::App*)>& add_options) {
  CLI::App* made = of->add_subcommand(what, help);
  made->fallthrough();
  if (add_options) {
    add_options(made);
  }
  made->callback(run);
}

void Ctl::add_local_commands() {
  verb(
      &app, "init", "Write a configuration and fresh secrets into a directory",
      [this] { exit = print_path(init_directory(directory)); },
      [this](CLI::App* c) {
        c->add_option("DIR", directory, "The directory, made if need be")->required()->check(not_empty());
      });
  verb(&app, "settings", "Print every setting: what it is, type, unit, range, default (docs/CONFIGURATION.md)", [this] {
    fmt::print("{}", settings_manual());
    exit = kExitDone;
  });
  verb(
      &app, "token", "Print a token for a user, for trying the API",
      [this] { exit = print_token(options, user, groups, ttl_s); },
      [this](CLI::App* c) {
        c->add_option("--user", user, "User id")->required()->check(user_id());
        add_groups(c, groups, "A group that the user is in");
        c->add_option("--ttl-s", ttl_s, "Seconds until it expires")->check(whole_number(1, 366UL * 86400));
      });
}

void Ctl::add_certificate_commands() {
  const auto its_directory = [this](CLI::App* c) {
    c->add_option("DIR", directory, "The directory that `init` made")->required()->check(not_empty());
  };
  verb(
      noun("node", "The nodes of a distributed deployment"), "certify",
      "Write a certificate and its key for a node, signed by the directory's authority: new ones each time",
      [this] { exit = print_certified(directory, name, region); },
      [this, its_directory](CLI::App* c) {
        its_directory(c);
        c->add_option("NODE", name, "Its node.name")->required()->check(user_id());
        c->add_option("--region", region, "Its region.name")
            ->check(CLI::IsMember({"south", "north"}))
            ->capture_default_str();
      });
  CLI::App* authority = noun("authority", "Who signs the certificates of nodes");
  verb(
      authority, "add", "Make a new one, which signs from now on; those before stay trusted",
      [this] { exit = print_path(add_authority(directory)); }, its_directory);
  verb(
      authority, "retire", "Trust only the newest, once every node has a certificate of it",
      [this] { exit = print_path(retire_authorities(directory)); }, its_directory);
}

void Ctl::add_key_commands() {
  CLI::App* keys = noun("key", "The master keys, in the file that auth.master_keys_file names");
  verb(
      keys, "add", "Make one that is in force from a day on, for every node's file before that day",
      [this] { exit = print_done(options, add_key(options, Day::parse_yyyymmdd(key_from))); },
      [this](CLI::App* c) {
        c->add_option("--from", key_from, "The day, as 20261122; tomorrow, if not given")->check(calendar_day());
      });
  verb(keys, "list", "All of them, and which make something new",
       [this] { exit = print_done(options, list_keys(options)); });
  verb(
      keys, "retire", "Believe nothing any more that was made with it, but ids and draws of its days",
      [this] { exit = print_done(options, retire_key(options, key_number)); },
      [this](CLI::App* c) {
        c->add_option("NUMBER", key_number, "As listed")->required()->check(whole_number(1, kRingKeysMax));
      });
}

void Ctl::add_admin_tokens() {
  const auto name_option = [this](CLI::App* c) {
    c->add_option("--name", name, "Whose it is")->required()->check(user_id());
  };
  CLI::App* tokens = noun("admin-token", "Who may ask the admin API for what");
  verb(
      tokens, "add", "Make one and print it, this once; servers know it within a second",
      [this] { exit = print_new_admin_token(options, name, role); },
      [this, name_option](CLI::App* c) {
        name_option(c);
        c->add_option("--role", role, "viewer, auditor or operator")
            ->required()
            ->check(CLI::IsMember({"viewer", "auditor", "operator"}));
      });
  verb(tokens, "list", "Names and roles", [this] { exit = print_admin_tokens_of(options); });
  verb(
      tokens, "revoke", "Make one worthless; servers know it within a second",
      [this] { exit = revoke_token(options, name); }, name_option);
}

void Ctl::add_schema_commands() {
  CLI::App* schema = noun("schema", "The MariaDB databases of a distributed deployment");
  verb(schema, "status", "The version of each database", [this] { exit = print_schema(options, /*migrate=*/false); });
  verb(schema, "migrate", "Make what is missing and bring everything to the version of this program; may be repeated",
       [this] { exit = print_schema(options, /*migrate=*/true); });
}

void Ctl::add_server_commands() {
  verb(
      noun("packet", "Packets"), "show", "A packet's state and totals",
      [this] { exit = show_packet(options, "operator", groups, id); },
      [this](CLI::App* c) {
        c->add_option("ID", id)->required()->check(packet_id());
        add_groups(c, groups, "Ask as a member of this group");
      });
  verb(noun("shard", "Shards"), "list", "State, owner, lease, epoch, log and cursors of every shard",
       [this] { exit = ask_admin(options, "GET", "/admin/v1/shards"); });

  verb(noun("region", "All nodes, shards and engines"), "status",
       "One view of them from any node, and what is wrong; exit status 1 when something is",
       [this] { exit = show_region(options); });

  CLI::App* traffic = noun("traffic", "Where new orders go");
  verb(traffic, "show", "The weights", [this] { exit = ask_admin(options, "GET", "/admin/v1/traffic"); });
  verb(
      traffic, "set", "Set the weights, such as south=100", [this] { exit = set_weights(options, weights); },
      [this](CLI::App* c) { c->add_option("WEIGHTS", weights, "REGION=0…100")->required(); });

  CLI::App* switches = noun("switch", "Functions that can be switched off");
  verb(switches, "list", "All switches", [this] { exit = ask_admin(options, "GET", "/admin/v1/switches"); });
  verb(
      switches, "set", "Turn one on or off",
      [this] { exit = ask_admin(options, "PUT", "/admin/v1/switches", {{"switches", {{name, state == "on"}}}}); },
      [this](CLI::App* c) {
        c->add_option("NAME", name)->required()->check(CLI::IsMember(switch_names()));
        c->add_option("STATE", state)->required()->check(CLI::IsMember({"on", "off"}));
      });

  verb(
      &app, "audit", "The equations of the money with every term; exit status 1 when they don't hold",
      [this] {
        exit = ask_admin(options, "GET", deep ? "/admin/v1/audit?deep=true" : "/admin/v1/audit", {},
                         {.at_most = kLongWork});
      },
      [this](CLI::App* c) { c->add_flag("--deep", deep, "Read every packet as well")->disable_flag_override(); });

  verb(
      &app, "journal", "What was changed through a node's admin API, newest first",
      [this] { exit = show_journal(options, before); },
      [this](CLI::App* c) {
        c->add_option("--before", before, "Those before this number")->check(whole_number(1, INT64_MAX));
      });

  CLI::App* reconcile = noun("reconcile", "Reconciliation");
  verb(reconcile, "run", "Run it now",
       [this] { exit = ask_admin(options, "POST", "/admin/v1/reconciliation:run", {}, {.at_most = kLongWork}); });
  verb(reconcile, "show", "The last run", [this] { exit = ask_admin(options, "GET", "/admin/v1/reconciliation"); });

  CLI::App* archive = noun("archive", "Old days in cold storage");
  verb(archive, "show", "Hot and cold days of each shard, and the last round",
       [this] { exit = ask_admin(options, "GET", "/admin/v1/archive"); });
  verb(archive, "run", "Begin a round now", [this] { exit = ask_admin(options, "POST", "/admin/v1/archive:run"); });
  verb(
      archive, "days", "The days of a shard: where each lies, its counts, sums and checksum",
      [this] {
        exit = ask_admin(options, "GET", fmt::format("/admin/v1/archive/days?shard={}&from={}", shard, from_day));
      },
      [this](CLI::App* c) {
        c->add_option("SHARD", shard, "Such as s000")->required()->check(shard_id());
        c->add_option("--from", from_day, "The first day, as 20261122")->capture_default_str()->check(calendar_day());
      });
}

void Ctl::add_backup_commands() {
  verb(
      &app, "backup", "Copy all data of a running server, or a stopped one, into a new directory",
      [this] { exit = print_done(options, run_backup(options, directory)); },
      [this](CLI::App* c) { c->add_option("DIR", directory, "On the server's machine; made, or empty")->required(); });
  verb(
      &app, "restore", "Put a backup into the data directory of a stopped server",
      [this] { exit = print_done(options, run_restore(options, directory, replace)); },
      [this](CLI::App* c) {
        c->add_option("DIR", directory, "The backup")->required();
        c->add_flag("--replace", replace, "Put aside the data that is there");
      });
}

void Ctl::add_wallet_commands() {
  CLI::App* wallet = noun("wallet", "Wallets");
  const auto user_option = [this](CLI::App* c) { c->add_option("USER", user)->required()->check(user_id()); };
  const auto path = [this](const char* action) { return fmt::format("/admin/v1/wallets/{}{}", encode(user), action); };
  verb(wallet, "show", "Balance", [this, path] { exit = ask_admin(options, "GET", path("")); }, user_option);
  verb(
      wallet, "deposit", "Pay money in, once for a key", [this] { exit = deposit(options, user, Money(amount), key); },
      [this, user_option](CLI::App* c) {
        user_option(c);
        c->add_option("AMOUNT", amount, "In fen")
            ->required()
            ->check(whole_number(1, static_cast<uint64_t>(kDepositMax.fen())));
        c->add_option("--key", key,
                      "Idempotency key: a repeated call with the same one pays in once; made if not given")
            ->check(idempotency_key());
      });
  verb(
      wallet, "freeze", "Refuse transfers to and from it",
      [this, path] { exit = ask_admin(options, "POST", path(":freeze")); }, user_option);
  verb(
      wallet, "unfreeze", "Allow them again", [this, path] { exit = ask_admin(options, "POST", path(":unfreeze")); },
      user_option);
}

void Ctl::add_verify() {
  verb(
      &app, "verify", "Recompute a finished packet's draws from its seed; exit status 1 when they differ",
      [this] { exit = print_verification(make_claim(options, verification), options.json); },
      [this](CLI::App* c) {
        VerifyOptions& v = verification;
        auto* packet = c->add_option("--packet", v.packet, "Fetch everything over the API")->check(packet_id());
        add_groups(c, v.groups, "Fetch it as a member of this group")->needs(packet);
        auto* id_option = c->add_option("--id", v.claim.packet_id, "Packet id")->excludes(packet)->check(packet_id());
        c->add_option("--seed", v.claim.seed_hex, "Revealed seed, hexadecimal")
            ->needs(id_option)
            ->check(hexadecimal(32));
        c->add_option("--commitment", v.claim.commitment_hex, "As shown when it was sent")
            ->needs(id_option)
            ->check(hexadecimal(32));
        c->add_option("--total", v.total, "Total amount in fen")
            ->needs(id_option)
            ->check(whole_number(1, static_cast<uint64_t>(kShareGreatest.fen()) * kSharesPerPacketMax));
        c->add_option("--count", v.claim.count, "Number of shares")
            ->needs(id_option)
            ->check(whole_number(1, kSharesPerPacketMax));
        c->add_option("--allocation", v.allocation, "classic, fair or equal")->needs(id_option);
        c->add_option("--shares", v.shares_file, "File with the answer of GET /v1/packets/{id}/shares")
            ->needs(id_option)
            ->check(input_file());
      });
}

int run_command(int argc, char** argv) {
  init_crypto();
  Ctl ctl;
  const auto exit = parse_command_line(ctl.app, argc, argv);
  return exit ? *exit : ctl.exit;
}

}  // namespace
}  // namespace hongbao

int main(int argc, char** argv) {
  return hongbao::run_program("hongbaoctl", hongbao::run_command, argc, argv);
}

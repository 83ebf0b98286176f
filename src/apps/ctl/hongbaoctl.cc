// The operator's command line: noun, verb. Exit status: 0 done, 1 the server refused or a check failed, 2 used wrongly.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "apps/ctl/client.h"
#include "apps/ctl/commands.h"
#include "apps/ctl/init.h"
#include "apps/ctl/verify.h"
#include "base/crypto.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr int kExitDone = 0;
constexpr int kExitRefused = 1;
constexpr int kExitUsage = 2;

int complain(const Error& error) {
  fmt::print(stderr, "hongbaoctl: {}{}{}\n", error.field, error.field.empty() ? "" : " ", error.detail);
  return error.code == ErrorCode::kUnavailable ? kExitRefused : kExitUsage;
}

int print_answer(const Result<Answer>& answer, bool as_json) {
  if (!answer) {
    return complain(answer.error());
  }
  print_body(answer->body, as_json);
  return answer->status < 400 ? kExitDone : kExitRefused;
}

int ask_admin(const CtlOptions& options, const std::string& method, const std::string& target,
              const json::object& body = {}) {
  const auto endpoint = admin_endpoint(options);
  if (!endpoint) {
    return complain(endpoint.error());
  }
  const std::string text = body.empty() ? "" : json::serialize(body);
  return print_answer(ask_server(*endpoint, method, target, text), options.json);
}

int show_packet(const CtlOptions& options, const std::string& user, const std::string& id) {
  const auto endpoint = public_endpoint(options, user);
  if (!endpoint) {
    return complain(endpoint.error());
  }
  return print_answer(ask_server(*endpoint, "GET", "/v1/packets/" + id), options.json);
}

int print_token(const CtlOptions& options, const std::string& user, int64_t ttl_s) {
  const auto token = user_token(options, user, ttl_s);
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

// The shares of a packet, or of a file: {"shares":[{"seq":1,"amount":7,…},…]} as the API gives them.
Result<void> read_shares(const json::value& body, Claim& claim) {
  const json::object* object = body.if_object();
  const json::value* list = object != nullptr ? object->if_contains("shares") : nullptr;
  if (list == nullptr || !list->is_array()) {
    return fail(ErrorCode::kInvalidField, "must hold {\"shares\":[{\"seq\":1,\"amount\":7},…]}", "--shares");
  }
  for (const json::value& entry : list->get_array()) {
    const json::object* share = entry.if_object();
    const json::value* seq = share != nullptr ? share->if_contains("seq") : nullptr;
    const json::value* amount = share != nullptr ? share->if_contains("amount") : nullptr;
    if (seq == nullptr || amount == nullptr || !amount->is_int64() || !seq->is_int64() ||
        seq->get_int64() != static_cast<int64_t>(claim.shares.size()) + 1) {
      return fail(ErrorCode::kInvalidField, "must list seq and amount, by seq from 1", "--shares");
    }
    claim.shares.emplace_back(amount->get_int64());
  }
  return {};
}

Result<void> fetch_shares(const Endpoint& endpoint, const std::string& id, Claim& claim) {
  std::string target = fmt::format("/v1/packets/{}/shares?page_size=1000", id);
  while (!target.empty()) {
    const auto answer = ask_server(endpoint, "GET", target);
    if (!answer) {
      return std::unexpected(answer.error());
    }
    if (auto read = read_shares(answer->body, claim); !read) {
      return read;
    }
    const json::value* next = answer->body.as_object().if_contains("next_page_token");
    target = next == nullptr ? ""
                             : fmt::format("/v1/packets/{}/shares?page_size=1000&page_token={}", id,
                                           std::string_view(next->as_string()));
  }
  return {};
}

// A finished packet's claim, from the API.
Result<Claim> fetch_claim(const CtlOptions& options, const std::string& user, const std::string& id) {
  const auto endpoint = public_endpoint(options, user);
  if (!endpoint) {
    return std::unexpected(endpoint.error());
  }
  const auto answer = ask_server(*endpoint, "GET", "/v1/packets/" + id);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (answer->status != 200) {
    return fail(ErrorCode::kUnavailable, json::serialize(answer->body));
  }
  const json::object& packet = answer->body.at("packet").as_object();
  if (!packet.contains("seed")) {
    return fail(ErrorCode::kUnavailable, "the packet is not finished: its seed is not revealed yet");
  }
  const auto text = [&](const char* key) { return json::value_to<std::string>(packet.at(key)); };
  Claim claim{.packet_id = id,
              .seed_hex = text("seed"),
              .commitment_hex = text("commitment"),
              .total = Money(packet.at("total_amount").as_int64()),
              .count = packet.at("count").to_number<uint32_t>(),
              .rule = parse_rule(text("allocation")).value_or(Rule::kClassic)};
  if (auto fetched = fetch_shares(*endpoint, id, claim); !fetched) {
    return std::unexpected(fetched.error());
  }
  return claim;
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
  return verified->holds() ? kExitDone : kExitRefused;
}

struct VerifyOptions {
  std::string packet;
  std::string user = "auditor";
  Claim claim;
  int64_t total = 0;
  std::string allocation = "classic";
  std::string shares_file;
};

Result<Claim> make_claim(const CtlOptions& options, VerifyOptions wanted) {
  if (!wanted.packet.empty()) {
    return fetch_claim(options, wanted.user, wanted.packet);
  }
  const auto rule = parse_rule(wanted.allocation);
  if (!rule) {
    return fail(ErrorCode::kInvalidField, "must be one of classic, fair, equal", "--allocation");
  }
  wanted.claim.rule = *rule;
  wanted.claim.total = Money(wanted.total);
  if (!wanted.shares_file.empty()) {
    std::stringstream text;
    text << std::ifstream(wanted.shares_file).rdbuf();
    boost::system::error_code error;
    const json::value body = json::parse(text.str(), error);
    if (error) {
      return fail(ErrorCode::kInvalidField, fmt::format("{} is not JSON", wanted.shares_file), "--shares");
    }
    if (auto read = read_shares(body, wanted.claim); !read) {
      return std::unexpected(read.error());
    }
  }
  return wanted.claim;
}

// Every command sets `exit` when CLI11 calls it back.
struct Ctl {
  CLI::App app{
      "hongbaoctl: operates and audits a Hongbao server.\n\nThe server's TOML file tells addresses and secrets."};
  CtlOptions options;
  int exit = kExitUsage;

  std::string directory;
  std::string user;
  int64_t ttl_s = 3600;
  std::string id;
  std::string name;
  std::string state;
  std::vector<std::string> weights;
  int64_t amount = 0;
  bool deep = false;
  VerifyOptions verification;

  Ctl();
  CLI::App* noun(const std::string& what, const std::string& help);
  void verb(CLI::App* of, const std::string& what, const std::string& help, const std::function<void()>& run,
            const std::function<void(CLI::App*)>& add_options = {});
  void add_local_commands();
  void add_server_commands();
  void add_wallet_commands();
  void add_verify();
};

Ctl::Ctl() {
  app.add_option("-c,--config", options.config, "The server's TOML file")->envname("HONGBAO_CONFIG");
  app.add_option("--url", options.url, "Public API, if not server.listen of the file");
  app.add_option("--admin-url", options.admin_url, "Admin API, if not admin.listen of the file");
  app.add_flag("--json", options.json, "Print JSON");
  app.require_subcommand(1);
  app.fallthrough();
  add_local_commands();
  add_server_commands();
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
      [this] {
        const auto config = init_directory(directory);
        exit = config ? kExitDone : complain(config.error());
        if (config) {
          fmt::print("{}\n", *config);
        }
      },
      [this](CLI::App* c) { c->add_option("DIR", directory, "The directory, made if need be")->required(); });
  verb(
      &app, "token", "Print a token for a user, for trying the API",
      [this] { exit = print_token(options, user, ttl_s); },
      [this](CLI::App* c) {
        c->add_option("--user", user, "User id")->required();
        c->add_option("--ttl-s", ttl_s, "Seconds until it expires")->check(CLI::Range(1, 366 * 86400));
      });
}

void Ctl::add_server_commands() {
  verb(
      noun("packet", "Packets"), "show", "A packet's state and totals",
      [this] { exit = show_packet(options, "operator", id); },
      [this](CLI::App* c) { c->add_option("ID", id)->required(); });
  verb(noun("shard", "Shards"), "list", "State, epoch, log and cursors of every shard",
       [this] { exit = ask_admin(options, "GET", "/admin/v1/shards"); });

  CLI::App* traffic = noun("traffic", "Where new orders go");
  verb(traffic, "show", "The weights", [this] { exit = ask_admin(options, "GET", "/admin/v1/traffic"); });
  verb(
      traffic, "set", "Set the weights, such as south=100",
      [this] {
        json::object wanted;
        for (const std::string& pair : weights) {
          const size_t equals = pair.find('=');
          const auto number = equals == std::string::npos ? json::value(pair) : json::parse(pair.substr(equals + 1));
          wanted[pair.substr(0, equals)] = number;
        }
        exit = ask_admin(options, "PUT", "/admin/v1/traffic", {{"weights", wanted}});
      },
      [this](CLI::App* c) {
        c->add_option("WEIGHTS", weights, "REGION=0…100")
            ->required()
            ->check(CLI::Validator(
                [](std::string& pair) {
                  const size_t equals = pair.find('=');
                  const bool good = equals != std::string::npos && equals > 0 && equals + 1 < pair.size() &&
                                    pair.find_first_not_of("0123456789", equals + 1) == std::string::npos;
                  return good ? std::string() : fmt::format("\"{}\" is not REGION=NUMBER", pair);
                },
                "REGION=NUMBER"));
      });

  CLI::App* switches = noun("switch", "Functions that can be switched off");
  verb(switches, "list", "All switches", [this] { exit = ask_admin(options, "GET", "/admin/v1/switches"); });
  verb(
      switches, "set", "Turn one on or off",
      [this] { exit = ask_admin(options, "PUT", "/admin/v1/switches", {{"switches", {{name, state == "on"}}}}); },
      [this](CLI::App* c) {
        c->add_option("NAME", name)->required();
        c->add_option("STATE", state)->required()->check(CLI::IsMember({"on", "off"}));
      });

  verb(
      &app, "audit", "The equations of the money with every term; exit status 1 when they don't hold",
      [this] { exit = ask_admin(options, "GET", deep ? "/admin/v1/audit?deep=true" : "/admin/v1/audit"); },
      [this](CLI::App* c) { c->add_flag("--deep", deep, "Read every packet as well"); });

  CLI::App* reconcile = noun("reconcile", "Reconciliation");
  verb(reconcile, "run", "Run it now", [this] { exit = ask_admin(options, "POST", "/admin/v1/reconciliation:run"); });
  verb(reconcile, "show", "The last run", [this] { exit = ask_admin(options, "GET", "/admin/v1/reconciliation"); });
}

void Ctl::add_wallet_commands() {
  CLI::App* wallet = noun("wallet", "Wallets");
  const auto user_option = [this](CLI::App* c) { c->add_option("USER", user)->required(); };
  const auto path = [this](const char* action) { return fmt::format("/admin/v1/wallets/{}{}", user, action); };
  verb(wallet, "show", "Balance", [this, path] { exit = ask_admin(options, "GET", path("")); }, user_option);
  verb(
      wallet, "deposit", "Pay money in",
      [this, path] { exit = ask_admin(options, "POST", path(":deposit"), {{"amount", amount}}); },
      [this, user_option](CLI::App* c) {
        user_option(c);
        c->add_option("AMOUNT", amount, "In fen")->required();
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
        auto* packet = c->add_option("--packet", v.packet, "Fetch everything over the API");
        auto* packet_id = c->add_option("--id", v.claim.packet_id, "Packet id")->excludes(packet);
        c->add_option("--seed", v.claim.seed_hex, "Revealed seed, hexadecimal")->needs(packet_id);
        c->add_option("--commitment", v.claim.commitment_hex, "As shown when it was sent")->needs(packet_id);
        c->add_option("--total", v.total, "Total amount in fen")->needs(packet_id);
        c->add_option("--count", v.claim.count, "Number of shares")->needs(packet_id);
        c->add_option("--allocation", v.allocation, "classic, fair or equal");
        c->add_option("--shares", v.shares_file, "File with the answer of GET /v1/packets/{id}/shares");
      });
}

}  // namespace
}  // namespace hongbao

int main(int argc, char** argv) {
  hongbao::init_crypto();
  hongbao::Ctl ctl;
  try {
    ctl.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ctl.app.exit(error) == 0 ? 0 : hongbao::kExitUsage;
  }
  return ctl.exit;
}

#include "apps/load/options.h"

#include <algorithm>

#include "apps/command_line.h"

namespace hongbao::load {
namespace {

constexpr const char* kExamples = R"(
Examples:
  hongbao-load run --jwt-secret-file jwt.secret --admin-token-file admin.token
      plays a night of 60 seconds at 300 opens a second, checks every share, and prints the result
  hongbao-load run --mode closed --connections 128 --threads 2 --seconds 20 --json figures.json …
      as fast as the server answers
  hongbao-load run --history night.jsonl …
  hongbao-load check --history night.jsonl …
      after the server was killed and started again: is all that it answered still true?

Exit codes: 0 all checks hold; 1 a check failed or the server can't be reached; 2 wrong usage.)";

constexpr uint32_t kConnectionsMax = 4096;
constexpr uint32_t kThreadsMax = 64;

void add_server(CLI::App& command, Options& options) {
  command.add_option("--url", options.url, "The public API")->capture_default_str()->check(http_url());
  command.add_option("--admin-url", options.admin_url, "The admin API")->capture_default_str()->check(http_url());
  command.add_option("--jwt-secret-file", options.jwt_secret_file, "File with the secret that signs users' tokens")
      ->required()
      ->check(input_file());
  command.add_option("--admin-token-file", options.admin_token_file, "File with the admin API's bearer token")
      ->required()
      ->check(input_file());
  command.add_option("--json", options.json_file, "Writes the figures to this file")->check(not_empty());
  command.add_flag_callback(
             "--no-progress", [&options] { options.progress = false; }, "Prints no progress")
      ->disable_flag_override();
}

void add_run(CLI::App& run, Options& options) {
  run.add_option("--seconds", options.night.seconds, "How long the night lasts")
      ->capture_default_str()
      ->check(decimal_number(1, 86'400));
  run.add_option("--rate", options.night.opens_per_s,
                 "Opens a second, the mean over the night; 30 grabs and views each")
      ->capture_default_str()
      ->check(decimal_number(0.1, 1e6));
  run.add_option("--connections", options.connections, "Connections, which is the most requests that wait for answers")
      ->capture_default_str()
      ->check(whole_number(1, kConnectionsMax));
  run.add_option("--threads", options.threads, "Threads that share the connections")
      ->capture_default_str()
      ->check(whole_number(1, kThreadsMax));
  run.add_option("--users", options.night.users, "People in the game")
      ->capture_default_str()
      ->check(whole_number(kUsersLeast, kUsersMax));
  run.add_option_function<std::string>(
         "--mode", [&options](const std::string& mode) { options.mode = mode == "open" ? Mode::kOpen : Mode::kClosed; },
         "open: by the clock; closed: the next request after each answer")
      ->check(CLI::IsMember({"open", "closed"}))
      ->default_str("open");
  run.add_option("--seed", options.night.seed, "The same seed plans the same night")
      ->capture_default_str()
      ->check(whole_number(0, UINT64_MAX));
  run.add_option("--history", options.history_file, "Writes every answer to this file, for `check`")
      ->check(not_empty());
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  CLI::App app("Plays a festival night of red packets against a Hongbao server and checks the money.", "hongbao-load");
  app.footer(kExamples);
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand("run", "Plays a night, then checks every packet, wallet and the audit");
  CLI::App* check = app.add_subcommand("check", "Checks an earlier run's history against the server");
  add_server(*run, options);
  add_run(*run, options);
  add_server(*check, options);
  check->add_option("--history", options.history_file, "The history that `run --history` wrote")
      ->required()
      ->check(input_file());
  check
      ->add_flag("--live", options.live,
                 "The load still runs: checks only that every answered share is there, and the audit")
      ->disable_flag_override();
  if (const auto exit = parse_command_line(app, argc, argv)) {
    return *exit;
  }
  options.command = check->parsed() ? Command::kCheck : Command::kRun;
  options.threads = std::min(options.threads, options.connections);
  return options;
}

}  // namespace hongbao::load

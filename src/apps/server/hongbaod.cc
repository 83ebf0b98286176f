// The server: reads its settings, starts a node, waits for SIGTERM or SIGINT, stops the node. Exit status: 0 stopped as
// asked, 1 failed, 2 used wrongly.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

#include "apps/command_line.h"
#include "apps/server/descriptor_needs.h"
#include "apps/server/node.h"
#include "base/descriptors.h"
#include "base/program.h"

namespace hongbao {
namespace {

// "key=value" pairs of --set.
Result<std::map<std::string, std::string>> parse_overrides(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> overrides;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kConfig, fmt::format("takes KEY=VALUE, not \"{}\"", pair), "--set");
    }
    const std::string key = pair.substr(0, equals);
    if (!overrides.emplace(key, pair.substr(equals + 1)).second) {
      return fail(ErrorCode::kConfig, fmt::format("sets {} twice", key), "--set");
    }
  }
  return overrides;
}

// Signals are blocked in every thread and taken here.
void wait_for_stop(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
}

// What is thrown here (most likely the system gives no more threads) finds threads running that there is no way back
// for. Nothing was answered yet, and the stores are made to be left at any moment.
Result<void> start(Node& node) {
  try {
    return node.start();
  } catch (const std::exception& error) {
    say(fmt::format("the start failed: {}", words_of(error)));
    std::_Exit(kExitFailed);
  }
}

int run(const std::string& config, const std::vector<std::string>& sets, bool is_new_data_wanted) {
  auto overrides = parse_overrides(sets);
  auto reader = overrides ? ConfigReader::load(config, std::move(*overrides)) : std::unexpected(overrides.error());
  if (!reader) {
    return complain(reader.error());
  }
  auto settings = read_settings(*reader);
  if (!settings) {
    return complain(settings.error());
  }
  settings->is_new_data_wanted = is_new_data_wanted;
  if (!settings->core_dumps) {
    forbid_core_dumps();
  }
  set_log_level(parse_log_level(settings->log_level));
  if (const auto reserved = reserve_descriptors(*settings); !reserved) {
    return complain(reserved.error());
  }

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto node = Node::create(*settings);
  if (!node) {
    return complain(node.error());
  }
  const auto started = start(**node);
  if (started) {
    wait_for_stop(signals);
  }
  (*node)->stop();
  const auto failure = started ? (*node)->failure() : std::optional(started.error());
  node->reset();  // what it still logs comes before the last line
  return failure ? complain(*failure) : kExitDone;
}

int run_server(int argc, char** argv) {
  // A terminal that closes does not end a server.
  std::signal(SIGHUP, SIG_IGN);
  init_crypto();
  CLI::App app(
      "hongbaod: the Hongbao server.\n\n"
      "Settings come from --set, then the environment (HONGBAO_SERVER_LISTEN for server.listen), then the file.\n"
      "`hongbaoctl init DIR` writes a file with all keys, and the secrets it names.",
      "hongbaod");
  std::string config;
  std::vector<std::string> sets;
  bool is_new_data_wanted = false;
  app.add_option("-c,--config", config, "TOML file with the settings")
      ->required()
      ->envname("HONGBAO_CONFIG")
      ->check(not_empty());
  app.add_option("--set", sets, "KEY=VALUE, overrides the file; may be repeated")->allow_extra_args(false);
  app.add_flag("--new", is_new_data_wanted, "Begin with an empty data.dir, or another one, though there was one before")
      ->disable_flag_override();
  const auto exit = parse_command_line(app, argc, argv);
  return exit ? *exit : run(config, sets, is_new_data_wanted);
}

}  // namespace
}  // namespace hongbao

int main(int argc, char** argv) {
  return hongbao::run_program("hongbaod", hongbao::run_server, argc, argv);
}

// The server: reads its settings, starts a node, waits for SIGTERM or SIGINT, stops the node.
#include <fmt/format.h>

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "apps/node.h"

namespace hongbao {
namespace {

constexpr int kExitConfig = 2;
constexpr int kExitFailed = 1;

int complain(const Error& error) {
  const bool config = error.code == ErrorCode::kConfig;
  fmt::print(stderr, "hongbaod: {}{}{}\n", error.field, error.field.empty() ? "" : " ", error.detail);
  return config ? kExitConfig : kExitFailed;
}

// "key=value" pairs of --set.
Result<std::map<std::string, std::string>> parse_overrides(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> overrides;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kConfig, fmt::format("takes KEY=VALUE, not \"{}\"", pair), "--set");
    }
    overrides[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return overrides;
}

// Signals are blocked in every thread and taken here.
void wait_for_stop(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
}

// A connection takes a file descriptor; the default soft limit of 1,024 is for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
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
  set_log_level(parse_log_level(settings->log_level));

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();

  auto node = Node::create(*settings);
  if (!node) {
    return complain(node.error());
  }
  const auto started = (*node)->start();
  if (started) {
    wait_for_stop(signals);
  }
  (*node)->stop();
  const auto failure = started ? (*node)->failure() : std::optional(started.error());
  node->reset();  // what it still logs comes before the last line
  return failure ? complain(*failure) : 0;
}

}  // namespace
}  // namespace hongbao

int main(int argc, char** argv) {
  hongbao::init_crypto();
  CLI::App app{
      "hongbaod: the Hongbao server.\n\n"
      "Settings come from --set, then the environment (HONGBAO_SERVER_LISTEN for server.listen), then the file.\n"
      "`hongbaoctl init DIR` writes a file with all keys, and the secrets it names."};
  std::string config;
  std::vector<std::string> sets;
  app.add_option("-c,--config", config, "TOML file with the settings")->required();
  app.add_option("--set", sets, "KEY=VALUE, overrides the file; may be repeated")->allow_extra_args(false);
  bool is_new_data_wanted = false;
  app.add_flag("--new", is_new_data_wanted,
               "Begin with an empty data.dir, or another one, though there was one before");
  CLI11_PARSE(app, argc, argv);
  return hongbao::run(config, sets, is_new_data_wanted);
}

// hongbao-load: plays a festival night against a Hongbao server, or checks what an earlier night was answered. Wiring
// only; the code tour starts at night.h (the plan), goes on with player.h (the load) and ends at verify.h (the checks).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "apps/http_address.h"
#include "apps/load/first_exception.h"
#include "apps/load/options.h"
#include "apps/load/player.h"
#include "apps/load/report.h"
#include "apps/load/request_text.h"
#include "apps/load/session.h"
#include "apps/load/tokens.h"
#include "apps/load/verify.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/descriptors.h"
#include "base/program.h"

namespace hongbao::load {
namespace {

using std::chrono::steady_clock;

constexpr Money kDeposit{100'000'000};  // a million yuan for each user: nobody runs out
constexpr size_t kDepositSessions = 32;
constexpr std::chrono::seconds kStartWait{10};  // for a server that is starting
constexpr std::chrono::seconds kDepositWait{120};
constexpr std::chrono::hours kTokenLife{24};
constexpr std::chrono::milliseconds kProgressPause{100};

Result<ResolvedAddress> open_target(const std::string& url) {
  const auto endpoint = parse_http_url(url);
  if (!endpoint) {
    return std::unexpected(endpoint.error());
  }
  const auto address = resolve(*endpoint);
  if (!address) {
    return std::unexpected(address.error());
  }
  return ResolvedAddress{.endpoint = *endpoint, .address = *address};
}

Result<Server> open_server(const Options& options, const RunRecord& run) {
  auto api = open_target(options.url);
  auto admin = open_target(options.admin_url);
  const auto jwt_secret = read_secret_file(options.jwt_secret_file, "--jwt-secret-file");
  const auto admin_token = read_secret_file(options.admin_token_file, "--admin-token-file");
  if (!api || !admin) {
    return std::unexpected(!api ? api.error() : admin.error());
  }
  if (!jwt_secret || !admin_token) {
    return std::unexpected(!jwt_secret ? jwt_secret.error() : admin_token.error());
  }
  Server server{.api = *api, .admin = *admin, .admin_header = {}, .user_headers = {}};
  server.admin_header = fmt::format("Authorization: Bearer {}\r\n", *admin_token);
  const Timestamp expires_at = SystemClock().now() + kTokenLife;
  for (uint32_t user = 0; user < run.users; ++user) {
    const auto token = sign_token(*jwt_secret, run.user_name(user), expires_at);
    if (!token) {
      return std::unexpected(token.error());
    }
    server.user_headers.push_back(fmt::format("Authorization: Bearer {}\r\n", *token));
  }
  return server;
}

RunRecord new_run(const Options& options) {
  std::array<uint8_t, 4> random{};
  random_bytes(random);
  RunRecord run;
  run.run = "n" + to_hex(random);
  run.users = options.night.users;
  run.deposit = kDeposit;
  return run;
}

Result<void> deposit(const Server& server, const RunRecord& run) {
  std::mutex mutex;
  std::optional<Error> first_error;
  const SteadyTime deadline = steady_clock::now() + kDepositWait;
  for_all(server.admin, kDepositSessions, run.users, [&](Session& session, size_t user) {
    const std::string name = run.user_name(static_cast<uint32_t>(user));
    const auto answer = session.call("POST", fmt::format("/admin/v1/wallets/{}:deposit", name),
                                     fmt::format("{}Idempotency-Key: deposit-{}\r\n", server.admin_header, name),
                                     fmt::format(R"({{"amount":{}}})", run.deposit.fen()), deadline);
    if (answer && (answer->status == 200 || answer->status == 201)) {
      return;
    }
    const std::lock_guard lock(mutex);
    if (!first_error) {
      first_error = answer ? Error{.code = ErrorCode::kInternal,
                                   .detail = fmt::format("the deposit for {} is answered {}", name, answer->status)}
                           : answer.error();
    }
  });
  if (first_error) {
    return std::unexpected(*first_error);
  }
  return {};
}

// Connections and threads at the peak, and the sessions before and after.
Result<void> reserve_descriptors(const Options& options) {
  constexpr uint64_t kPerLoop = 3;  // epoll, eventfd, timerfd
  constexpr uint64_t kReserve = 64;
  const uint64_t sessions = kDepositSessions * (kPerLoop + 1);
  const uint64_t needed =
      open_descriptors() + std::max(options.connections + options.threads * kPerLoop, sessions) + kReserve;
  const uint64_t limit = raise_descriptor_limit();
  return needed <= limit
             ? Result<void>()
             : fail(ErrorCode::kConfig,
                    fmt::format("{} need {} file descriptors, and the hard limit is {}: raise it (ulimit -n)",
                                options.connections, needed, limit),
                    "--connections");
}

// Two outputs in one file would be neither.
Result<void> check_distinct(const Options& options) {
  std::error_code error;
  const bool same = !options.json_file.empty() && !options.history_file.empty() &&
                    std::filesystem::is_regular_file(options.json_file, error) &&
                    std::filesystem::equivalent(options.json_file, options.history_file, error);
  return same ? fail(ErrorCode::kConfig, "and --history name the same file", "--json") : Result<void>();
}

// Before anything is asked of the server: what would only be found out after the night.
Result<FiguresFile> prepare(const Options& options) {
  if (const auto reserved = reserve_descriptors(options); !reserved) {
    return std::unexpected(reserved.error());
  }
  auto file = FiguresFile::open(options.json_file);
  const auto distinct = file ? check_distinct(options) : Result<void>();
  return distinct ? std::move(file) : std::unexpected(distinct.error());
}

// Returns how long it took.
double play_night(const Play& play, Progress& progress, RunRecord& run, Stats& stats) {
  std::vector<std::unique_ptr<Player>> players;
  players.reserve(play.options.threads);
  for (uint32_t i = 0; i < play.options.threads; ++i) {
    players.push_back(std::make_unique<Player>(play, i));
  }
  const auto start = steady_clock::now();
  const auto sum = [&] {
    Stats all;
    for (const auto& player : players) {
      all += player->snapshot();
    }
    return all;
  };
  FirstException failed;
  {
    std::vector<std::jthread> threads;
    threads.reserve(players.size());
    for (const auto& player : players) {
      threads.emplace_back([&, start] { failed.keep([&] { player->play(start); }); });
    }
    while (!failed.any() &&
           !std::all_of(players.begin(), players.end(), [](const auto& player) { return player->finished(); })) {
      std::this_thread::sleep_for(kProgressPause);
      progress.night(start, sum());
    }
  }
  failed.throw_again();
  stats = sum();
  for (const auto& player : players) {
    player->hand_over(run);
  }
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

int run_night(const Options& options) {
  RunRecord run = new_run(options);
  const auto figures_file = prepare(options);
  if (!figures_file) {
    return complain(figures_file.error());
  }
  const auto server = open_server(options, run);
  if (!server) {
    return complain(server.error());
  }
  const auto history = HistoryFile::create(options.history_file);
  if (!history) {
    return complain(history.error());
  }
  Progress progress(options.night, options.progress);
  Session admin(server->admin);
  const auto before = read_settlement(admin, server->admin_header, steady_clock::now() + kStartWait);
  if (!before) {
    return complain(before.error());
  }
  HistoryWriter writer(**history, run);
  writer.run_started(SystemClock().now());
  writer.flush();
  progress.phase(fmt::format("{} users receive their money …", run.users));
  if (const auto done = deposit(*server, run); !done) {
    return complain(done.error());
  }

  std::vector<std::string> heads;
  for (const std::string& header : server->user_headers) {
    heads.push_back(request_head(server->api.endpoint.authority(), header));
  }
  const Night night(options.night);
  const Play play{options, night, run, heads, server->api, **history};
  Figures figures;
  progress.phase(fmt::format("a night of {} s: {} opens a second on average, the peak after midnight",
                             options.night.seconds, options.night.opens_per_s));
  figures.seconds = play_night(play, progress, run, figures.stats);
  writer.run_ended(SystemClock().now());
  run.complete = true;

  progress.phase("waiting for settlement and refunds, then checking …");
  figures.verdict = Verifier(*server, run).verify();
  figures.settled_vouchers =
      figures.verdict.settled_vouchers - std::min(before->settled_sum(), figures.verdict.settled_vouchers);
  print_result(figures);
  if (const auto written = figures_file->write(figures, options); !written) {
    return complain(written.error());
  }
  if (const auto kept = (*history)->outcome(); !kept) {
    return complain(kept.error());
  }
  return figures.verdict.findings.count() == 0 ? kExitDone : kExitFailed;
}

int check_history(const Options& options) {
  const auto figures_file = prepare(options);
  if (!figures_file) {
    return complain(figures_file.error());
  }
  const auto run = read_history(options.history_file);
  if (!run) {
    return complain(run.error());
  }
  const auto server = open_server(options, *run);
  if (!server) {
    return complain(server.error());
  }
  Session admin(server->admin);
  if (const auto ready = read_settlement(admin, server->admin_header, steady_clock::now() + kStartWait); !ready) {
    return complain(ready.error());
  }
  Figures figures;
  Verifier verifier(*server, *run);
  figures.verdict = options.live ? verifier.verify_live() : verifier.verify();
  figures.settled_vouchers = figures.verdict.settled_vouchers;
  print_verdict(figures.verdict);
  if (const auto written = figures_file->write(figures, options); !written) {
    return complain(written.error());
  }
  return figures.verdict.findings.count() == 0 ? kExitDone : kExitFailed;
}

int run_load(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (const int* exit_code = std::get_if<int>(&options)) {
    return *exit_code;
  }
  init_crypto();
  const auto& chosen = std::get<Options>(options);
  return chosen.command == Command::kRun ? run_night(chosen) : check_history(chosen);
}

}  // namespace
}  // namespace hongbao::load

int main(int argc, char** argv) {
  return hongbao::run_program("hongbao-load", hongbao::load::run_load, argc, argv);
}

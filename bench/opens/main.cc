// hongbao-opens: one round of the opens benchmark against one system that is already running; prints its figures as one
// JSON object. `./run bench opens` and `./run bench peers` start the systems and alternate the rounds
// (bench/opens/bench.py). Wiring only.
#include <fmt/format.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdlib>
#include <map>

#include "base/config.h"
#include "base/crypto.h"
#include "opens/system.h"

namespace hongbao::bench {
namespace {

namespace json = boost::json;

struct Options {
  SystemOptions system;
  std::string name;
  std::string password_file;
  std::string jwt_secret_file;
  std::string admin_token_file;
  Shape shape = Shape::kHot;
  uint32_t opens = 100'000;
  uint32_t late = 0;
  std::vector<int> server_pids;
  std::string before_opens;
};

// CPU time of all threads of the processes since they started.
double cpu_us(const std::vector<int>& pids) {
  double sum_us = 0;
  for (const int pid : pids) {
    clockid_t clock{};
    timespec spent{};
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &spent) == 0) {
      sum_us += static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
    }
  }
  return sum_us;
}

json::object figures(const Measured& measured, double cpu_used_us) {
  const auto count = static_cast<double>(measured.given.size());
  return {{"per_s", count / measured.seconds},
          {"p50_ms", static_cast<double>(measured.latency.quantile_us(0.50)) / 1e3},
          {"p99_ms", static_cast<double>(measured.latency.quantile_us(0.99)) / 1e3},
          {"cpu_us", cpu_used_us / count}};
}

std::unique_ptr<System> make(const Options& options) {
  if (options.name == "hongbao") {
    return make_hongbao(options.system);
  }
  if (options.name == "redis") {
    return make_redis(options.system);
  }
  return make_mariadb(options.system,
                      options.name == "mariadb_for_update" ? MariadbWay::kForUpdate : MariadbWay::kCompareAndSwap);
}

Result<json::object> play(const Options& options) {
  const Workload workload(options.shape, options.opens, options.late);
  const auto system = make(options);
  if (auto prepared = system->prepare(workload); !prepared) {
    return std::unexpected(prepared.error());
  }
  if (!options.before_opens.empty() && std::system(options.before_opens.c_str()) != 0) {
    return fail(ErrorCode::kInternal, "--before-opens failed");
  }
  const double before_us = cpu_us(options.server_pids);
  const auto opened = system->open(Phase::kOpens);
  const double after_us = cpu_us(options.server_pids);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  json::object out{{"opens", figures(*opened, after_us - before_us)}};
  const auto ended = std::chrono::steady_clock::now();
  if (auto settled = system->settle(); !settled) {
    return std::unexpected(settled.error());
  }
  out["settled_after_s"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - ended).count();
  out["cpu_us_settled"] = (cpu_us(options.server_pids) - before_us) / static_cast<double>(opened->given.size());
  if (const std::string wrong = find_error(workload, opened->given); !wrong.empty()) {
    return fail(ErrorCode::kInternal, wrong);
  }
  if (options.late == 0) {
    return out;
  }
  const double before_late_us = cpu_us(options.server_pids);
  const auto late = system->open(Phase::kLate);
  if (!late) {
    return std::unexpected(late.error());
  }
  if (std::any_of(late->given.begin(), late->given.end(), [](const Given& given) { return given.seq != 0; })) {
    return fail(ErrorCode::kInternal, "a late open was given a share");
  }
  out["late"] = figures(*late, cpu_us(options.server_pids) - before_late_us);
  return out;
}

int run(Options options) {
  if (options.name == "hongbao") {
    const auto jwt_secret = read_secret_file(options.jwt_secret_file, "--jwt-secret-file");
    const auto admin_token = read_secret_file(options.admin_token_file, "--admin-token-file");
    if (!jwt_secret || !admin_token) {
      fmt::print(stderr, "hongbao-opens: {}\n", (jwt_secret ? admin_token : jwt_secret).error().detail);
      return 2;
    }
    options.system.jwt_secret = *jwt_secret;
    options.system.admin_token = *admin_token;
  } else if (options.name != "redis") {
    const auto password = read_secret_file(options.password_file, "--password-file");
    if (!password) {
      fmt::print(stderr, "hongbao-opens: {}\n", password.error().detail);
      return 2;
    }
    options.system.password = *password;
  }
  const auto out = play(options);
  if (!out) {
    fmt::print(stderr, "hongbao-opens: {}\n", out.error().detail);
    return 1;
  }
  fmt::print("{}\n", json::serialize(*out));
  return 0;
}

}  // namespace
}  // namespace hongbao::bench

int main(int argc, char** argv) {
  using namespace hongbao::bench;
  hongbao::init_crypto();
  const std::map<std::string, Shape> shapes{{"hot", Shape::kHot}, {"spread", Shape::kSpread}};
  CLI::App app("One round of opens against one running system on 127.0.0.1; prints JSON.", "hongbao-opens");
  Options options;
  app.add_option("--system", options.name)
      ->required()
      ->check(CLI::IsMember({"hongbao", "redis", "mariadb_for_update", "mariadb_cas"}));
  app.add_option("--port", options.system.port)->required();
  app.add_option("--connections", options.system.connections)->check(CLI::Range(1, 4096));
  app.add_option("--shape", options.shape, "hot: one packet after the other; spread: 1,000 in turn")
      ->transform(CLI::CheckedTransformer(shapes));
  app.add_option("--opens", options.opens)->check(CLI::Range(1, 5'000'000));
  app.add_option("--late", options.late, "Opens after the last packet is exhausted")->check(CLI::Range(0, 1'000'000));
  app.add_option("--server-pid", options.server_pids, "Processes whose CPU counts");
  app.add_option("--user", options.system.user, "MariaDB only, as is the password");
  app.add_option("--password-file", options.password_file);
  app.add_option("--admin-port", options.system.admin_port, "Hongbao only, as are the secrets");
  app.add_option("--jwt-secret-file", options.jwt_secret_file);
  app.add_option("--admin-token-file", options.admin_token_file);
  app.add_option("--before-opens", options.before_opens,
                 "Shell command to run when the clock is about to start: a profiler");
  CLI11_PARSE(app, argc, argv);
  return run(std::move(options));
}

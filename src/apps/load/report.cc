#include "apps/load/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cmath>

#include "base/input_file.h"

namespace hongbao::load {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTerminalPause{500};
constexpr std::chrono::seconds kPlainPause{5};
constexpr size_t kBarCells = 24;

// 1234567 as "1,234,567".
std::string grouped(int64_t value) {
  const std::string digits = fmt::format("{}", value);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > (value < 0 ? 1U : 0U) && (digits.size() - i) % 3 == 0) {
      out += ',';
    }
    out += digits[i];
  }
  return out;
}
std::string grouped(uint64_t value) {
  return grouped(static_cast<int64_t>(value));
}
std::string grouped(double value) {
  return grouped(int64_t{std::llround(value)});
}

double ms(int64_t us) {
  return static_cast<double>(us) / 1e3;
}

std::string quantiles(const LatencyHistogram& latency) {
  return fmt::format("{:.2f} / {:.2f} / {:.2f} ms", ms(latency.quantile_us(0.5)), ms(latency.quantile_us(0.99)),
                     ms(latency.quantile_us(0.999)));
}

std::string bar(double fraction) {
  const auto full = static_cast<size_t>(std::clamp(fraction, 0.0, 1.0) * kBarCells);
  std::string cells;
  for (size_t i = 0; i < kBarCells; ++i) {
    cells += i < full ? "█" : "░";
  }
  return cells;
}

void row(std::string_view name, const std::string& value) {
  fmt::print("  {:<22}{}\n", name, value);
}

void print_findings(const Verdict& verdict) {
  if (verdict.findings.count() == 0) {
    row("checks", "all hold");
    return;
  }
  row("checks", fmt::format("{} FAILED", grouped(verdict.findings.count())));
  fmt::print("\n{}", verdict.findings.text());
}

}  // namespace

Progress::Progress(const NightOptions& night, bool wanted)
    : night_(night), wanted_(wanted), terminal_(::isatty(STDOUT_FILENO) == 1) {}

void Progress::print(const std::string& line, bool renew) {
  if (!wanted_) {
    return;
  }
  if (terminal_) {
    fmt::print("\r\x1b[K{}{}", line, renew ? "" : "\n");
  } else {
    fmt::print("{}\n", line);
  }
  line_open_ = terminal_ && renew;
  std::fflush(stdout);
}

void Progress::phase(const std::string& what) {
  if (line_open_) {
    fmt::print("\n");
  }
  print(what, false);
}

void Progress::night(SteadyTime start, const Stats& stats) {
  const auto now = steady_clock::now();
  const auto since = now - std::max(printed_at_, start);
  if (since < (terminal_ ? std::chrono::nanoseconds(kTerminalPause) : kPlainPause)) {
    return;
  }
  const double seconds = std::chrono::duration<double>(since).count();
  const double fraction = std::chrono::duration<double>(now - start).count() / night_.seconds;
  const LatencyHistogram latency = stats.latency.since(printed_.latency);
  print(fmt::format("{} {} {:3.0f} %  opens {}/s  requests {}/s  p99 {:.1f} ms  retries {}",
                    fraction <= 1 ? hour_of_night(fraction) : "later", bar(fraction), std::min(1.0, fraction) * 100,
                    grouped(static_cast<double>(stats.opens - printed_.opens) / seconds),
                    grouped(static_cast<double>(stats.requests - printed_.requests) / seconds),
                    ms(latency.quantile_us(0.99)), grouped(stats.retries())),
        true);
  printed_at_ = now;
  printed_ = stats;
}

void print_result(const Figures& figures) {
  const Stats& stats = figures.stats;
  const Verdict& verdict = figures.verdict;
  const double seconds = std::max(figures.seconds, 1e-3);
  fmt::print("\n");
  row("packets sent", grouped(stats.sends));
  row("opens", fmt::format("{}  ({}/s)", grouped(stats.opens), grouped(static_cast<double>(stats.opens) / seconds)));
  row("grabs", grouped(stats.grabs));
  row("too late", fmt::format("{} grabs, {} opens", grouped(stats.late_grabs), grouped(stats.late_opens)));
  row("views", grouped(stats.views));
  row("requests",
      fmt::format("{}  ({}/s)", grouped(stats.requests), grouped(static_cast<double>(stats.requests) / seconds)));
  row("open p50/p99/p99.9", quantiles(stats.open_latency));
  row("all  p50/p99/p99.9", quantiles(stats.latency));
  row("retries",
      fmt::format("{}  ({} overloaded, {} connections broken, {} refused, {} failed)", grouped(stats.retries()),
                  grouped(stats.overloaded), grouped(stats.broken), grouped(stats.refused), grouped(stats.failed)));
  row("errors", fmt::format("{} rejected, {} given up, {} dropped", grouped(stats.rejected), grouped(stats.given_up),
                            grouped(stats.dropped)));
  for (const auto& [what, count] : stats.rejections) {
    row("", fmt::format("{} × {}", grouped(count), what));
  }
  row("held back", fmt::format("{} requests waited for a free connection", grouped(stats.held_back)));
  row("settled", fmt::format("{} vouchers", grouped(figures.settled_vouchers)));
  print_verdict(verdict);
}

void print_verdict(const Verdict& verdict) {
  row("refunded",
      fmt::format("{} packets, {} fen", grouped(verdict.refunded_packets), grouped(verdict.refunded_amount.fen())));
  if (verdict.active_packets > 0) {
    row("still active", fmt::format("{} packets", grouped(verdict.active_packets)));
  }
  row("audit difference", verdict.audit_difference ? fmt::format("{} fen", grouped(*verdict.audit_difference))
                                                   : std::string("unknown: the audit could not be asked"));
  row("checked", fmt::format("{} packets, {} shares, {} wallets", grouped(verdict.packets), grouped(verdict.shares),
                             grouped(verdict.wallets)));
  print_findings(verdict);
}

namespace {

std::string to_json(const Figures& figures, const Options& options) {
  const Stats& stats = figures.stats;
  const Verdict& verdict = figures.verdict;
  const double seconds = std::max(figures.seconds, 1e-3);
  const boost::json::object json{
      {"mode", options.mode == Mode::kOpen ? "open" : "closed"},
      {"connections", options.connections},
      {"threads", options.threads},
      {"seed", options.night.seed},
      {"seconds", figures.seconds},
      {"sends", stats.sends},
      {"opens", stats.opens},
      {"opens_per_s", static_cast<double>(stats.opens) / seconds},
      {"late_answers", stats.late_answers()},
      {"late_opens", stats.late_opens},
      {"late_grabs", stats.late_grabs},
      {"grabs", stats.grabs},
      {"views", stats.views},
      {"requests", stats.requests},
      {"requests_per_s", static_cast<double>(stats.requests) / seconds},
      {"p50_ms", ms(stats.open_latency.quantile_us(0.5))},
      {"p99_ms", ms(stats.open_latency.quantile_us(0.99))},
      {"p999_ms", ms(stats.open_latency.quantile_us(0.999))},
      {"all_p50_ms", ms(stats.latency.quantile_us(0.5))},
      {"all_p99_ms", ms(stats.latency.quantile_us(0.99))},
      {"all_p999_ms", ms(stats.latency.quantile_us(0.999))},
      {"retries", stats.retries()},
      {"retries_overloaded", stats.overloaded},
      {"retries_broken", stats.broken},
      {"retries_refused", stats.refused},
      {"retries_failed", stats.failed},
      {"rejected", stats.rejected},
      {"given_up", stats.given_up},
      {"dropped", stats.dropped},
      {"held_back", stats.held_back},
      {"settled_vouchers", figures.settled_vouchers},
      {"refunded_packets", verdict.refunded_packets},
      {"refunded_amount", verdict.refunded_amount.fen()},
      {"active_packets", verdict.active_packets},
      {"audit_difference",
       verdict.audit_difference ? boost::json::value(*verdict.audit_difference) : boost::json::value()},
      {"checked_packets", verdict.packets},
      {"checked_shares", verdict.shares},
      {"checked_wallets", verdict.wallets},
      {"checks_failed", verdict.findings.count()},
  };
  return boost::json::serialize(json) + "\n";
}

}  // namespace

Result<FiguresFile> FiguresFile::open(const std::string& path) {
  if (path.empty()) {
    return FiguresFile(-1);
  }
  const auto fd = open_output_file(path);
  return fd ? Result<FiguresFile>(FiguresFile(*fd)) : fail(ErrorCode::kConfig, fd.error().detail, "--json");
}

FiguresFile::~FiguresFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<void> FiguresFile::write(const Figures& figures, const Options& options) const {
  if (fd_ < 0) {
    return {};
  }
  const std::string text = to_json(figures, options);
  [[maybe_unused]] const int ignored = ::ftruncate(fd_, 0);  // a device has no length
  if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail(ErrorCode::kStorage, fmt::format("can't write {}", options.json_file), "--json");
  }
  return {};
}

}  // namespace hongbao::load

#include "apps/load/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <mutex>
#include <numeric>
#include <thread>

#include "apps/load/answer.h"

namespace hongbao::load {
namespace {

using std::chrono::steady_clock;

constexpr size_t kSessions = 8;
constexpr std::chrono::seconds kCallWait{15};
constexpr std::chrono::milliseconds kPollPause{500};
constexpr size_t kSharesPageSize = 1'000;
constexpr size_t kAuditLength = 600;  // of a broken audit, that is printed

SteadyTime call_deadline() {
  return steady_clock::now() + kCallWait;
}

// The object of a 200 answer.
Result<JsonAnswer> get_object(Session& session, const std::string& path, const std::string& headers,
                              SteadyTime deadline) {
  auto answer = session.call("GET", path, headers, "", deadline);
  if (answer && (answer->status != 200 || !answer->body.is_object())) {
    return fail(ErrorCode::kInternal,
                fmt::format("GET {} is answered {} {}", path, answer->status, boost::json::serialize(answer->body)));
  }
  return answer;
}

uint64_t sum_of(const VoucherCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0},
                         [](uint64_t sum, const auto& count) { return sum + count.second; });
}

}  // namespace

Result<SettlementProgress> read_settlement(Session& admin, const std::string& admin_header, SteadyTime deadline) {
  const auto answer = get_object(admin, "/admin/v1/shards", admin_header, deadline);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  const boost::json::array* shards = array_of(answer->body.get_object(), "shards");
  if (shards == nullptr) {
    return fail(ErrorCode::kMalformedJson, "/admin/v1/shards has no shards");
  }
  SettlementProgress seen;
  for (const boost::json::value& item : *shards) {
    const boost::json::object* shard = item.if_object();
    const auto id = shard == nullptr ? std::nullopt : text_of(*shard, "shard");
    if (!id) {
      return fail(ErrorCode::kMalformedJson, "/admin/v1/shards has a shard without a name");
    }
    // Both name the next voucher, and vouchers count from 1.
    const auto before = [&](std::string_view name) {
      return static_cast<uint64_t>(std::max<int64_t>(1, integer_of(*shard, name).value_or(1)) - 1);
    };
    seen.vouchers.emplace(*id, before("next_voucher"));
    seen.settled.emplace(*id, before("settled_to"));
  }
  return seen;
}

uint64_t SettlementProgress::settled_sum() const {
  return sum_of(settled);
}

bool SettlementProgress::has_settled(const VoucherCounts& awaited) const {
  return std::ranges::all_of(awaited, [&](const auto& written) {
    const auto found = settled.find(written.first);
    return found != settled.end() && found->second >= written.second;
  });
}

Verifier::Verifier(const Server& server, const RunRecord& run)
    : server_(server), run_(run), settled_by_(steady_clock::now() + kSettleWaitMax), refunds_(run.packets.size()) {
  for (size_t i = 0; i < run.packets.size(); ++i) {
    if (run.packets[i].paid) {
      paid_.push_back(i);
    }
  }
}

Verdict Verifier::verify() {
  wait_for_refunds();
  if (!unreachable_) {
    wait_for_settlement();
    check_packets();
    check_wallets();
    check_audit();
  }
  if (unreachable_) {
    verdict_.findings.add("unreachable", "the server stopped answering; not all was checked");
  }
  return std::move(verdict_);
}

Verdict Verifier::verify_live() {
  check_answered_shares();
  if (!unreachable_) {
    check_audit();
  }
  if (unreachable_) {
    verdict_.findings.add("unreachable", "the server stopped answering; not all was checked");
  }
  return std::move(verdict_);
}

Result<JsonAnswer> Verifier::get(Session& session, const std::string& path, const std::string& headers) {
  if (unreachable_) {
    return fail(ErrorCode::kUnavailable, "not tried");
  }
  auto answer = get_object(session, path, headers, call_deadline());
  if (!answer && answer.error().code == ErrorCode::kUnavailable) {
    unreachable_ = true;
  }
  return answer;
}

// Until no packet is active any more, except those that expire only after the wait.
void Verifier::wait_for_refunds() {
  std::vector<size_t> open = paid_;
  const std::string wait_end = to_rfc3339(SystemClock().now() + kSettleWaitMax);
  while (!open.empty() && !unreachable_ && steady_clock::now() < settled_by_) {
    std::vector<char> still_open(open.size(), 0);
    for_all(server_.api, kSessions, open.size(), [&](Session& session, size_t i) {
      const auto seen = fetch_packet(session, run_.packets[open[i]]);
      // RFC 3339 times of one zone sort as text.
      still_open[i] = seen && !is_finished(seen->state) && seen->expires_at.value_or("") <= wait_end;
    });
    std::vector<size_t> rest;
    for (size_t i = 0; i < open.size(); ++i) {
      if (still_open[i] != 0) {
        rest.push_back(open[i]);
      }
    }
    open = std::move(rest);
    if (!open.empty()) {
      std::this_thread::sleep_for(kPollPause);
    }
  }
  for (const size_t i : open) {
    verdict_.findings.add(
        "not_finished", fmt::format("{}: still active {} s after the run", run_.packets[i].id, kSettleWaitMax.count()));
  }
}

// Until all is settled that there is now. Others may go on writing.
void Verifier::wait_for_settlement() {
  Session admin(server_.admin);
  std::optional<VoucherCounts> awaited;
  while (true) {
    const auto now = read_settlement(admin, server_.admin_header, call_deadline());
    if (!now) {
      verdict_.findings.add("admin_unreachable", now.error().detail);
      return;
    }
    if (!awaited) {
      awaited = now->vouchers;
    }
    verdict_.settled_vouchers = now->settled_sum();
    if (now->has_settled(*awaited)) {
      return;
    }
    if (steady_clock::now() >= settled_by_) {
      verdict_.findings.add("not_settled", fmt::format("{} of {} vouchers after {} s", verdict_.settled_vouchers,
                                                       sum_of(*awaited), kSettleWaitMax.count()));
      return;
    }
    std::this_thread::sleep_for(kPollPause);
  }
}

Result<PacketSeen> Verifier::fetch_packet(Session& session, const PacketRecord& record) {
  const auto answer = get(session, fmt::format("/v1/packets/{}", record.id), server_.user_headers[record.sender]);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  const boost::json::object* packet = object_of(answer->body.get_object(), "packet");
  return packet == nullptr ? fail(ErrorCode::kMalformedJson, "an answer without a packet") : read_packet(*packet);
}

Result<void> Verifier::fetch_shares(Session& session, const PacketRecord& record, PacketSeen& seen) {
  std::string page_token;
  // A list longer than the packet is a finding for check_packet, but must not be read without end.
  while (seen.shares.size() <= record.count) {
    const size_t before = seen.shares.size();
    const auto answer = get(session,
                            fmt::format("/v1/packets/{}/shares?page_size={}{}{}", record.id, kSharesPageSize,
                                        page_token.empty() ? "" : "&page_token=", page_token),
                            server_.user_headers[record.sender]);
    if (!answer) {
      return std::unexpected(answer.error());
    }
    if (auto read = read_shares(answer->body.get_object(), seen.shares); !read) {
      return read;
    }
    page_token = text_of(answer->body.get_object(), "next_page_token").value_or("");
    if (page_token.empty()) {
      return {};
    }
    if (seen.shares.size() == before) {
      return fail(ErrorCode::kInternal, "an empty page of shares that is not the last");
    }
  }
  return {};
}

void Verifier::check_packets() {
  std::mutex mutex;
  for_all(server_.api, kSessions, paid_.size(), [&](Session& session, size_t i) {
    const PacketRecord& record = run_.packets[paid_[i]];
    auto seen = fetch_packet(session, record);
    if (seen) {
      if (auto shares = fetch_shares(session, record, *seen); !shares) {
        seen = std::unexpected(shares.error());
      }
    }
    Findings findings;
    if (seen) {
      check_packet(run_, record, *seen, findings);
    } else if (seen.error().code != ErrorCode::kUnavailable) {
      findings.add("packet_lost", fmt::format("{}: {}", record.id, seen.error().detail));
    }
    const std::lock_guard lock(mutex);
    verdict_.findings.merge(findings);
    if (!seen) {
      return;
    }
    ++verdict_.packets;
    verdict_.shares += seen->shares.size();
    verdict_.active_packets += !is_finished(seen->state);
    refunds_[paid_[i]] = seen->refunded_amount.value_or(Money());
    if (seen->state == PacketState::kExpired) {
      ++verdict_.refunded_packets;
      verdict_.refunded_amount += refunds_[paid_[i]];
    }
  });
}

void Verifier::check_answered_shares() {
  std::mutex mutex;
  for_all(server_.api, kSessions, run_.packets.size(), [&](Session& session, size_t i) {
    const PacketRecord& record = run_.packets[i];
    if (record.shares.empty()) {
      return;
    }
    PacketSeen seen;
    const auto read = fetch_shares(session, record, seen);
    const std::lock_guard lock(mutex);
    if (read) {
      check_answered(run_, record, seen.shares, verdict_.findings);
      ++verdict_.packets;
      verdict_.shares += record.shares.size();
    } else if (read.error().code != ErrorCode::kUnavailable) {
      verdict_.findings.add("packet_lost", fmt::format("{}: {}", record.id, read.error().detail));
    }
  });
}

std::vector<Money> Verifier::expected_balances() const {
  std::vector<Money> balances(run_.users, run_.deposit);
  for (const size_t i : paid_) {
    const PacketRecord& packet = run_.packets[i];
    balances[packet.sender] += refunds_[i] - packet.total;
    for (const ShareAnswer& share : packet.shares) {
      balances[share.user] += share.amount;
    }
  }
  return balances;
}

void Verifier::check_wallets() {
  if (!run_.complete) {
    return;  // an answer that was not recorded may have moved money
  }
  const std::vector<Money> expected = expected_balances();
  // Evenly over the users.
  std::vector<uint32_t> sample;
  const size_t step = std::max<size_t>(1, run_.users / kWalletSampleMax);
  for (size_t user = 0; user < run_.users && sample.size() < kWalletSampleMax; user += step) {
    if (!run_.uncertain_users.contains(static_cast<uint32_t>(user))) {
      sample.push_back(static_cast<uint32_t>(user));
    }
  }
  std::mutex mutex;
  for_all(server_.api, kSessions, sample.size(), [&](Session& session, size_t i) {
    const uint32_t user = sample[i];
    const auto answer = get(session, "/v1/users/me/wallet", server_.user_headers[user]);
    const std::lock_guard lock(mutex);
    if (!answer) {
      if (answer.error().code != ErrorCode::kUnavailable) {
        verdict_.findings.add("wallet_unreadable", answer.error().detail);
      }
      return;
    }
    ++verdict_.wallets;
    const int64_t balance = integer_of(answer->body.get_object(), "balance").value_or(-1);
    if (balance != expected[user].fen()) {
      verdict_.findings.add("wallet_wrong", fmt::format("{} has {}, its history gives {}", run_.user_name(user),
                                                        balance, expected[user].fen()));
    }
  });
}

void Verifier::check_audit() {
  Session admin(server_.admin);
  const auto answer = admin.call("GET", "/admin/v1/audit?deep=true", server_.admin_header, "", call_deadline());
  if (!answer || !answer->body.is_object()) {
    verdict_.findings.add("audit_unreachable",
                          answer ? fmt::format("status {}", answer->status) : answer.error().detail);
    return;
  }
  const boost::json::object& audit = answer->body.get_object();
  const boost::json::value* balanced = audit.if_contains("balanced");
  verdict_.audit_difference = integer_of(audit, "difference");
  if (answer->status != 200 || verdict_.audit_difference != 0 || balanced == nullptr || *balanced != true) {
    verdict_.findings.add("audit_does_not_hold", fmt::format("status {}: {}", answer->status,
                                                             boost::json::serialize(audit).substr(0, kAuditLength)));
  }
}

}  // namespace hongbao::load

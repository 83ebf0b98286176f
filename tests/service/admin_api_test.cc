// The operators' API over memory stores: every route with its token, health, bad input, success, and stores that fail.
// Here and not beside its sources, because only apps and tests outside src may name an adapter.
#include "api/admin/admin_api.h"
#include "net/http/parser.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <future>

#include "api/health_api.h"
#include "api/problem.h"
#include "base/scratch_dir.h"
#include "service/service_fixture.h"
#include "support/memory_admin_journal_store.h"

namespace hongbao {
namespace {

namespace json = boost::json;

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::string_view kToken = "operators-only";
constexpr std::string_view kAuditorToken = "auditors-only";
constexpr std::string_view kViewerToken = "viewers-only";
constexpr size_t kHeaderBytesMax = 8'192;
constexpr size_t kBodyBytesMax = 16'384;

class AdminAsker final : public ReplyTarget {
 public:
  void answer(std::shared_ptr<ReplyTarget>, uint64_t, HttpResponse response) override {
    answer_.set_value(std::move(response));
  }
  void give_up(std::shared_ptr<ReplyTarget>, uint64_t) override { answer_.set_value({}); }
  std::future<HttpResponse> future() { return answer_.get_future(); }

 private:
  std::promise<HttpResponse> answer_;
};

std::unexpected<Error> told_to_fail() {
  return fail(ErrorCode::kStorage, "told to fail");
}

class DeadOrderStore final : public OrderStore {
 public:
  Result<ShardHead> acquire(const ShardOwner&, milliseconds) override { return told_to_fail(); }
  Result<bool> renew(uint32_t) override { return told_to_fail(); }
  Result<void> release(uint32_t) override { return told_to_fail(); }
  CommitOutcome commit(const CommitBatch&) override { return CommitOutcome::kUnknown; }
  Result<ShardHead> head() override { return told_to_fail(); }
  Result<ShardTenure> tenure() override { return told_to_fail(); }
  Result<std::optional<StoredPacket>> load(const PacketKey&) override { return told_to_fail(); }
  Result<std::vector<Voucher>> read_log(VoucherNo, size_t) override { return told_to_fail(); }
  Result<std::vector<PacketKey>> due(Timestamp, size_t) override { return told_to_fail(); }
  Result<OrderTotals> totals(VoucherNo) override { return told_to_fail(); }
  Result<std::vector<PacketViolation>> violations(size_t) override { return told_to_fail(); }
  Result<std::vector<StoredDay>> days() override { return told_to_fail(); }
  Result<bool> archive(uint32_t, Day, const GoOn&) override { return told_to_fail(); }
};

// Passes on what it is told until it is told to fail.
class WatchedControl final : public Control {
 public:
  explicit WatchedControl(Control& inner) : inner_(inner) {}
  std::atomic<bool> fails{false};

  [[nodiscard]] bool is_on(Switch which) const override { return inner_.is_on(which); }
  Result<void> set(Switch which, bool on) override { return fails ? unavailable() : inner_.set(which, on); }
  [[nodiscard]] TrafficWeights traffic() const override { return inner_.traffic(); }
  Result<void> set_traffic(const TrafficWeights& weights) override {
    return fails ? unavailable() : inner_.set_traffic(weights);
  }

 private:
  static Result<void> unavailable() { return fail(ErrorCode::kUnavailable, "set it again"); }
  Control& inner_;
};

struct Answer {
  unsigned status = 0;
  json::value body;
  HttpResponse response;

  [[nodiscard]] std::string type() const {
    const std::string_view type = body.at("type").as_string();
    return std::string(type.substr(type.rfind(':') + 1));
  }
  // What is refused: "status type field".
  [[nodiscard]] std::string refusal() const {
    const json::value* field = body.as_object().if_contains("field");
    return fmt::format("{} {} {}", status, type(), field == nullptr ? "-" : std::string_view(field->as_string()));
  }
  [[nodiscard]] std::string rule() const { return std::string(body.at("rule").as_string()); }
};

class AdminApiTest : public ServiceTest {
 protected:
  AdminApiTest() {
    pool.start();
    region.set_ready(true);
    std::ofstream(token_file) << print_admin_tokens({token_of("ann", AdminRole::kOperator, kToken),
                                                     token_of("bob", AdminRole::kAuditor, kAuditorToken),
                                                     token_of("eve", AdminRole::kViewer, kViewerToken)});
    std::filesystem::permissions(token_file, std::filesystem::perms(0600));
    EXPECT_TRUE(tokens.load());
    journal.start();
  }
  ~AdminApiTest() override {
    backup.stop();
    pool.stop();
    journal.stop();
  }

  static AdminToken token_of(std::string name, AdminRole role, std::string_view token) {
    return {std::move(name), role, hash_of_admin_token(token), "2026-11-28T02:00:00.000Z"};
  }

  AdminServices services() {
    return {.tokens = tokens,
            .journal = journal,
            .shards = at.shards,
            .wallets = at.wallets,
            .audit = at.audit,
            .reconciler = at.reconciler,
            .archiver = archiver,
            .backup = &backup,
            .orders = at.orders,
            .region = region,
            .workers = pool,
            .status_workers = pool,
            .control = control,
            .control_workers = pool,
            .ids = at.ids,
            .registry = at.registry};
  }
  AdminApiOptions options() {
    return {.region = Region::kSouth,
            .command_timeout = std::chrono::seconds(5),
            .archive_now = [this] { ++archive_rounds; },
            .update_metrics = [this] { ++metric_updates; }};
  }

  // As it came over a connection. `headers`: whole lines.
  static HttpRequest parsed(http::verb method, std::string_view target, std::string_view headers,
                            std::string_view body = {}) {
    HttpRequest request;
    HttpRequestParser parser(request, kHeaderBytesMax, kBodyBytesMax);
    const std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{}",
                                         std::string_view(http::to_string(method)), target, body.size(), headers, body);
    for (std::string_view left = text; !parser.is_done();) {
      const auto taken = parser.put(left);
      if (!taken || *taken == 0) {
        ADD_FAILURE() << "not a request: " << text;
        break;
      }
      left.remove_prefix(*taken);
    }
    return request;
  }
  static HttpRequest request(http::verb method, std::string_view target, std::string_view body = {},
                             std::string_view headers = {}) {
    return parsed(method, target, fmt::format("Authorization: Bearer {}\r\n{}", kToken, headers), body);
  }
  template <class Api>
  static Answer ask_api(Api& from, const HttpRequest& request) {
    const auto asker = std::make_shared<AdminAsker>();
    auto answered = asker->future();
    from.handle(request, Reply(asker, 0));
    Answer answer{.response = answered.get()};
    answer.status = static_cast<unsigned>(answer.response.status);
    boost::system::error_code no_json;
    answer.body = json::parse(answer.response.body, no_json);
    return answer;
  }
  Answer get(const std::string& target) { return ask_api(api, request(http::verb::get, target)); }
  Answer ask_health(const std::string& target, http::verb method = http::verb::get) {
    return ask_api(health, parsed(method, target, ""));
  }
  Answer post(const std::string& target, const std::string& body = {}) {
    return ask_api(api, request(http::verb::post, target, body));
  }
  Answer put(const std::string& target, const std::string& body) {
    return ask_api(api, request(http::verb::put, target, body));
  }
  // A wallet's JSON.
  static int64_t balance(const Answer& answer) { return answer.body.at("wallet").at("balance").as_int64(); }

  SystemClock journal_clock;
  ScratchDir directory;
  std::string token_file = directory.file("admin.tokens");
  AdminTokens tokens{token_file, at.registry};
  MemoryAdminJournalStore journal_store;
  AdminJournal journal{journal_store, journal_clock, {.bytes_max = 1'000, .patience = milliseconds(500)}, at.registry};
  MemoryInboxStore inbox;
  Archiver archiver{at.shards, at.orders,       at.use_cases.ledgers, inbox,
                    at.clock,  {.hot_days = 7}, [] { return false; }, at.registry};
  std::promise<void> backup_may_end;
  Result<void> backup_ends;
  BackupJob backup{[this](const std::string&, const BackupJob::Progress& progress) {
                     progress(3, 4'096);
                     backup_may_end.get_future().wait();
                     return backup_ends;
                   },
                   at.clock};
  RegionWatch watch;
  std::atomic<bool> can_serve{true};
  RegionStatus region{
      at.shards, watch, nullptr, {.node = "ann", .cut_off_after = std::chrono::seconds(5), .can_serve = [this] {
                                    return can_serve.load();
                                  }}};
  WorkerPool pool{1, 16};
  WatchedControl control{at.control};
  int archive_rounds = 0;
  int metric_updates = 0;
  AdminApi api{services(), options()};
  HealthApi health{region, at.registry};
};

constexpr struct {
  http::verb method;
  const char* target;
  AdminRole role = AdminRole::kViewer;
} kGuarded[] = {{http::verb::get, "/metrics"},
                {http::verb::get, "/admin/v1/shards"},
                {http::verb::get, "/admin/v1/region"},
                {http::verb::get, "/admin/v1/audit", AdminRole::kAuditor},
                {http::verb::get, "/admin/v1/journal", AdminRole::kAuditor},
                {http::verb::get, "/admin/v1/reconciliation"},
                {http::verb::post, "/admin/v1/reconciliation:run", AdminRole::kOperator},
                {http::verb::get, "/admin/v1/archive"},
                {http::verb::get, "/admin/v1/archive/days?shard=s000"},
                {http::verb::post, "/admin/v1/archive:run", AdminRole::kOperator},
                {http::verb::get, "/admin/v1/backup"},
                {http::verb::post, "/admin/v1/backup", AdminRole::kOperator},
                {http::verb::get, "/admin/v1/switches"},
                {http::verb::put, "/admin/v1/switches", AdminRole::kOperator},
                {http::verb::get, "/admin/v1/traffic"},
                {http::verb::put, "/admin/v1/traffic", AdminRole::kOperator},
                {http::verb::get, "/admin/v1/wallets/alice", AdminRole::kAuditor},
                {http::verb::post, "/admin/v1/wallets/alice:deposit", AdminRole::kOperator},
                {http::verb::post, "/admin/v1/wallets/alice:freeze", AdminRole::kOperator},
                {http::verb::post, "/admin/v1/wallets/alice:unfreeze", AdminRole::kOperator},
                {http::verb::get, "/admin/v1/nothing"}};

TEST_F(AdminApiTest, EverythingNeedsTheToken) {
  for (const auto& [method, target, role] : kGuarded) {
    const Answer without = ask_api(api, parsed(method, target, ""));
    EXPECT_EQ(without.refusal(), "401 unauthenticated Authorization") << target;
    for (const char* wrong : {"Bearer operators-onlx", "Bearer operators-only2", "Bearer operators-onl"}) {
      const HttpRequest request = parsed(method, target, fmt::format("Authorization: {}\r\n", wrong));
      EXPECT_EQ(ask_api(api, request).refusal(), "401 unauthenticated Authorization") << target;
    }
    const HttpRequest basic = parsed(method, target, fmt::format("Authorization: Basic {}\r\n", kToken));
    EXPECT_EQ(ask_api(api, basic).status, 401U) << target;
  }
  EXPECT_EQ(at.wallet("alice"), 0);
}

TEST_F(AdminApiTest, ATokenThatIsTooWeakIsToldWhichRoleIsNeeded) {
  const std::pair<std::string_view, AdminRole> callers[] = {
      {kViewerToken, AdminRole::kViewer}, {kAuditorToken, AdminRole::kAuditor}, {kToken, AdminRole::kOperator}};
  for (const auto& [token, role] : callers) {
    const std::string header = fmt::format("Authorization: Bearer {}\r\n", token);
    for (const auto& [method, target, needed] : kGuarded) {
      // A parameter that no route has: a role that is strong enough is refused behind the role.
      const std::string unknown = fmt::format("{}{}no=1", target, std::string_view(target).contains('?') ? "&" : "?");
      const Answer answer = ask_api(api, parsed(method, unknown, header));
      if (std::string_view(target) == "/admin/v1/nothing") {
        EXPECT_EQ(answer.status, 404U);
      } else if (role < needed) {
        EXPECT_EQ(answer.refusal(), "403 role_needed -") << to_text(role) << target;
        EXPECT_THAT(std::string(answer.body.at("detail").as_string()),
                    HasSubstr(fmt::format("the role {}, and this token's is {}", to_text(needed), to_text(role))));
      } else {
        EXPECT_EQ(answer.refusal(), "422 unknown_field no") << to_text(role) << target;
      }
    }
  }
}

TEST_F(AdminApiTest, ARevokedTokenIsWorthless) {
  EXPECT_EQ(get("/admin/v1/switches").status, 200U);
  std::ofstream(token_file) << print_admin_tokens({token_of("bob", AdminRole::kAuditor, kAuditorToken)});
  tokens.look_again();
  EXPECT_EQ(get("/admin/v1/switches").refusal(), "401 unauthenticated Authorization");
}

TEST_F(AdminApiTest, HealthIsToldWithoutATokenAndNothingElseIsThere) {
  EXPECT_EQ(ask_health("/healthz").status, 200U);
  EXPECT_EQ(ask_health("/readyz").status, 200U);
  EXPECT_EQ(ask_health("/readyz?now=1").refusal(), "422 unknown_field now");
  EXPECT_EQ(ask_health("/readyz", http::verb::post).status, 405U);
  EXPECT_EQ(ask_health("/readyz", http::verb::options).status, 204U);
  for (const auto& [method, target, role] : kGuarded) {
    EXPECT_EQ(ask_api(health, request(method, target)).status, 404U) << target;
  }
  EXPECT_EQ(get("/healthz").status, 404U) << "it has one place";
  EXPECT_EQ(get("/readyz").status, 404U);
}

TEST_F(AdminApiTest, WhatIsNoRouteMethodOrParameterIsRefused) {
  EXPECT_EQ(get("/admin/v1/nothing").status, 404U);
  EXPECT_EQ(get("/admin/v1/wallets").status, 404U);
  const Answer wrong_method = post("/admin/v1/shards");
  EXPECT_EQ(wrong_method.status, 405U);
  EXPECT_THAT(wrong_method.response.headers, HasSubstr("Allow: GET"));
  for (const auto& [method, target, role] : kGuarded) {
    if (std::string_view(target) != "/admin/v1/nothing") {
      const std::string unknown = fmt::format("{}{}no=1", target, std::string_view(target).contains('?') ? "&" : "?");
      EXPECT_EQ(ask_api(api, request(method, unknown)).refusal(), "422 unknown_field no") << unknown;
    }
  }
}

TEST_F(AdminApiTest, OptionsTellTheMethods) {
  const Answer answer = ask_api(api, request(http::verb::options, "/admin/v1/switches"));
  EXPECT_EQ(answer.status, 204U);
  EXPECT_THAT(answer.response.headers, HasSubstr("PUT"));
}

TEST_F(AdminApiTest, ReadinessTellsWhyNot) {
  EXPECT_EQ(ask_health("/readyz").body.at("status"), "ready");
  can_serve = false;
  Answer answer = ask_health("/readyz");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.body.at("reasons").at(0), "it does not know yet who owns the shards");
  region.set_ready(false);
  EXPECT_EQ(ask_health("/readyz").body.at("reasons").at(0), "it starts, or is about to end");
  EXPECT_EQ(ask_health("/healthz").status, 200U);
  can_serve = true;
  region.set_ready(true);
  watch.add({"redis", "cache", "cache:1"}, []() -> Result<RegionWatch::Found> { return told_to_fail(); });
  watch.start();
  watch.refresh(std::chrono::steady_clock::now() + std::chrono::seconds(5));
  answer = ask_health("/readyz");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_THAT(std::string(answer.body.at("degraded").at(0).as_string()), HasSubstr("redis (cache)"));
  watch.stop();
}

TEST_F(AdminApiTest, MetricsAreBroughtUpToDateAndCountRequests) {
  (void)ask_health("/healthz");
  (void)get("/admin/v1/nothing");
  const Answer answer = get("/metrics");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.response.content_type, "text/plain; version=0.0.4");
  EXPECT_EQ(metric_updates, 1);
  for (const char* line :
       {R"(hongbao_http_requests_total{api="health",route="GET /healthz",status="2xx"} 1)",
        R"(hongbao_http_requests_total{api="admin",route="unrouted",status="4xx"} 1)",
        R"(hongbao_http_requests_total{api="admin",route="POST /admin/v1/wallets/{}:deposit",status="2xx"} 0)"}) {
    EXPECT_THAT(answer.response.body, HasSubstr(line));
  }
}

TEST_F(AdminApiTest, ShardsAndRegionShowWhatIsOwnedHere) {
  const Answer shards = get("/admin/v1/shards");
  EXPECT_EQ(shards.status, 200U);
  const json::array& list = shards.body.at("shards").as_array();
  ASSERT_EQ(list.size(), at.shard_ids.size());
  EXPECT_EQ(list[0].at("shard").as_string(), to_text(at.shard_ids[0]));
  EXPECT_EQ(list[0].at("owner"), "ann");
  const Answer whole = get("/admin/v1/region");
  EXPECT_EQ(whole.status, 200U);
  EXPECT_TRUE(whole.body.as_object().contains("ok"));
}

TEST_F(AdminApiTest, TheAuditShowsEveryTermAndFailsWhenItDoesNotHold) {
  at.active(lucky(1'000, 2));
  Answer answer = get("/admin/v1/audit");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body.at("balanced"), true);
  EXPECT_EQ(answer.body.at("shards").as_array().size(), at.shard_ids.size());
  EXPECT_FALSE(answer.body.as_object().contains("violations"));
  answer = get("/admin/v1/audit?deep=true");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_TRUE(answer.body.at("violations").as_array().empty());
  at.ledger.tamper = [](LedgerTotals& totals) { totals.shards[0].escrow += Money(1); };
  answer = get("/admin/v1/audit?deep=false");
  EXPECT_EQ(answer.status, 500U);
  EXPECT_EQ(answer.body.at("balanced"), false);
  EXPECT_EQ(answer.body.at("difference"), 1);
  at.ledger.tamper = nullptr;
  answer = get("/admin/v1/audit?deep=yes");
  EXPECT_EQ(answer.status, 422U);
  EXPECT_EQ(answer.refusal(), "422 invalid_field deep");
  EXPECT_EQ(answer.rule(), "must be deep=true or deep=false");
}

TEST_F(AdminApiTest, ADeadOrderStoreFailsAuditAndArchiveWithoutItsWords) {
  DeadOrderStore dead;
  std::map<ShardId, OrderStore*> orders = at.orders;
  orders.begin()->second = &dead;
  Audit audit({{LedgerId{}, &at.ledger}}, Ledgers(), orders, at.clock);
  const AdminServices all = services();
  AdminApi failing({.tokens = all.tokens,
                    .journal = all.journal,
                    .shards = all.shards,
                    .wallets = all.wallets,
                    .audit = audit,
                    .reconciler = all.reconciler,
                    .archiver = all.archiver,
                    .backup = nullptr,
                    .orders = orders,
                    .region = all.region,
                    .workers = all.workers,
                    .status_workers = all.status_workers,
                    .control = all.control,
                    .control_workers = all.control_workers,
                    .ids = all.ids,
                    .registry = all.registry},
                   options());
  for (const std::string& target : {std::string("/admin/v1/audit"), std::string("/admin/v1/archive"),
                                    "/admin/v1/archive/days?shard=" + to_text(orders.begin()->first)}) {
    const Answer answer = ask_api(failing, request(http::verb::get, target));
    EXPECT_EQ(answer.response.status, status_of(ErrorCode::kStorage)) << target;
    EXPECT_THAT(answer.response.body, testing::Not(HasSubstr("told to fail"))) << target;
  }
  EXPECT_EQ(ask_api(failing, request(http::verb::get, "/admin/v1/backup")).status, 404U);
  EXPECT_EQ(ask_api(failing, request(http::verb::post, "/admin/v1/backup", R"({"directory":"/b"})")).status, 404U);
}

TEST_F(AdminApiTest, ReconciliationRunsAndTellsOfItsLastRun) {
  at.deposit("alice", 1'000);
  at.debit_without_activation(at.sent("alice", lucky(1'000, 2)));
  at.clock.advance(kGrace);
  EXPECT_EQ(get("/admin/v1/reconciliation").body.at("activated"), 0);
  const Answer run = post("/admin/v1/reconciliation:run", "{}");
  EXPECT_EQ(run.status, 200U);
  EXPECT_EQ(run.body.at("activated"), 1);
  EXPECT_EQ(get("/admin/v1/reconciliation").body, run.body);
  EXPECT_EQ(post("/admin/v1/reconciliation:run", R"({"now":true})").refusal(), "422 unknown_field now");
  EXPECT_EQ(post("/admin/v1/reconciliation:run", "[]").refusal(), "400 malformed_json body");
}

TEST_F(AdminApiTest, ArchiveTellsWhereDaysLie) {
  const PacketKey packet = at.active(lucky(1'000, 2));
  const Answer status = get("/admin/v1/archive");
  EXPECT_EQ(status.status, 200U);
  EXPECT_EQ(status.body.at("hot_days"), 7);
  EXPECT_EQ(status.body.at("shards").as_array().size(), at.shard_ids.size());
  const std::string target = "/admin/v1/archive/days?shard=" + to_text(packet.shard);
  const Answer days = get(target);
  EXPECT_EQ(days.status, 200U);
  EXPECT_EQ(days.body.at("days").at(0).at("day").as_string(), packet.day.yyyymmdd());
  EXPECT_EQ(days.body.at("days").at(0).at("place"), "hot");
  EXPECT_TRUE(get(target + "&from=20991231").body.at("days").as_array().empty());
}

TEST_F(AdminApiTest, ArchiveNamesTheBadParameter) {
  for (const char* query : {"", "?shard=", "?shard=s9", "?shard=s999", "?shard=n000"}) {
    EXPECT_EQ(get(fmt::format("/admin/v1/archive/days{}", query)).refusal(), "422 invalid_field shard") << query;
  }
  for (const char* day : {"", "2026", "20261301", "yesterday"}) {
    const std::string target =
        fmt::format("/admin/v1/archive/days?shard={}&from={}", to_text(at.shard_ids.front()), day);
    EXPECT_EQ(get(target).refusal(), "422 invalid_field from") << day;
    EXPECT_EQ(get(target).rule(), "must be a day as 20261122");
  }
}

TEST_F(AdminApiTest, ARoundOfTheArchiverIsStartedAndNotWaitedFor) {
  const Answer answer = post("/admin/v1/archive:run");
  EXPECT_EQ(answer.status, 202U);
  EXPECT_EQ(answer.body, json::value({{"started", true}}));
  EXPECT_EQ(post("/admin/v1/archive:run", R"({"day":"20261122"})").refusal(), "422 unknown_field day");
  EXPECT_EQ(archive_rounds, 1);
}

TEST_F(AdminApiTest, OneBackupIsMadeAtATime) {
  EXPECT_EQ(get("/admin/v1/backup").body, json::value({{"state", "none"}}));
  const Answer started = post("/admin/v1/backup", R"({"directory":"/backups/1"})");
  EXPECT_EQ(started.status, 200U);
  EXPECT_EQ(started.body.at("directory"), "/backups/1");
  EXPECT_EQ(post("/admin/v1/backup", R"({"directory":"/backups/2"})").type(), "overloaded");
  backup_ends = fail(ErrorCode::kStorage, "no space");
  backup_may_end.set_value();
  Answer now = get("/admin/v1/backup");
  while (now.body.at("state") == "running") {
    std::this_thread::sleep_for(milliseconds(1));
    now = get("/admin/v1/backup");
  }
  EXPECT_EQ(now.body.at("state"), "failed");
  EXPECT_THAT(std::string(now.body.at("error").as_string()), HasSubstr("no space"));
  EXPECT_EQ(now.body.at("files"), 3);
}

TEST_F(AdminApiTest, ABackupGoesToAnAbsolutePath) {
  for (const char* body : {"{}", R"({"directory":"backups"})", R"({"directory":""})", R"({"directory":1})",
                           R"({"directory":"/a\u0000b"})"}) {
    EXPECT_EQ(post("/admin/v1/backup", body).refusal(), "422 invalid_field directory") << body;
  }
  EXPECT_EQ(post("/admin/v1/backup", R"({"directory":"/a","to":"/b"})").refusal(), "422 unknown_field to");
  EXPECT_EQ(get("/admin/v1/backup").body.at("state"), "none");
}

TEST_F(AdminApiTest, SwitchesAreShownAndSetTogether) {
  EXPECT_EQ(get("/admin/v1/switches").body.at("switches").at("opens"), true);
  const Answer answer = put("/admin/v1/switches", R"({"switches":{"opens":false,"sends":false}})");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body.at("switches").at("sends"), false);
  EXPECT_EQ(answer.body.at("switches").at("grabs"), true);
  EXPECT_FALSE(at.control.is_on(Switch::kOpens));
  EXPECT_EQ(put("/admin/v1/switches", R"({"switches":{}})").status, 200U);
}

TEST_F(AdminApiTest, BadSwitchesAreNamedAndNoneIsSet) {
  EXPECT_EQ(put("/admin/v1/switches", R"({"switches":{"opens":false,"views":false}})").refusal(),
            "422 invalid_field switches.views");
  const Answer number = put("/admin/v1/switches", R"({"switches":{"opens":0}})");
  EXPECT_EQ(number.refusal(), "422 invalid_field switches.opens");
  EXPECT_EQ(number.rule(), "must be true or false");
  EXPECT_EQ(put("/admin/v1/switches", "{}").refusal(), "422 invalid_field switches");
  EXPECT_EQ(put("/admin/v1/switches", R"({"switches":{"opens":false},"opens":false})").refusal(),
            "422 unknown_field opens");
  EXPECT_EQ(put("/admin/v1/switches", R"({"switches":{"opens":false,"opens":true}})").refusal(),
            "400 malformed_json body");
  EXPECT_TRUE(at.control.is_on(Switch::kOpens));
}

TEST_F(AdminApiTest, TrafficIsShownAndSet) {
  EXPECT_EQ(get("/admin/v1/traffic").body.at("weights").at("south"), 100);
  const Answer answer = put("/admin/v1/traffic", R"({"weights":{"south":30}})");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body.at("weights").at("south"), 30);
}

TEST_F(AdminApiTest, BadWeightsAreNamedAndNoneIsSet) {
  const auto refusal = [&](const char* weights) {
    return put("/admin/v1/traffic", fmt::format(R"({{"weights":{}}})", weights)).refusal();
  };
  EXPECT_EQ(refusal(R"({"south":101})"), "422 invalid_field weights.south");
  EXPECT_EQ(refusal(R"({"south":-1})"), "422 invalid_field weights.south");
  EXPECT_EQ(refusal(R"({"south":1.5})"), "422 invalid_field weights.south");
  EXPECT_EQ(refusal(R"({"north":50})"), "422 invalid_field weights.north") << "another deployment's";
  EXPECT_EQ(refusal(R"({"east":50})"), "422 invalid_field weights.east");
  EXPECT_EQ(refusal(R"({"south":0})"), "422 invalid_field weights");
  EXPECT_EQ(refusal("{}"), "422 invalid_field weights");
  EXPECT_EQ(refusal("5"), "422 invalid_field weights");
  EXPECT_EQ(at.control.traffic().at(Region::kSouth), 100U);
}

TEST_F(AdminApiTest, AControlThatDoesNotAnswerIsUnavailable) {
  control.fails = true;
  EXPECT_EQ(put("/admin/v1/switches", R"({"switches":{"opens":false}})").refusal(), "503 unavailable -");
  EXPECT_EQ(put("/admin/v1/traffic", R"({"weights":{"south":30}})").refusal(), "503 unavailable -");
}

TEST_F(AdminApiTest, AWalletIsReadAndPaidInto) {
  EXPECT_EQ(balance(get("/admin/v1/wallets/alice")), 0);
  const HttpRequest deposit =
      request(http::verb::post, "/admin/v1/wallets/alice:deposit", R"({"amount":500})", "Idempotency-Key: k1\r\n");
  for (int i = 0; i < 2; ++i) {  // the second is the first again
    const Answer answer = ask_api(api, deposit);
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body.at("transfer_id"), "deposit:alice:k1");
    EXPECT_EQ(balance(answer), 500);
  }
  const HttpRequest other =
      request(http::verb::post, "/admin/v1/wallets/alice:deposit", R"({"amount":501})", "Idempotency-Key: k1\r\n");
  EXPECT_EQ(ask_api(api, other).refusal(), "409 transfer_id_reused Idempotency-Key");
  for (int i = 1; i <= 2; ++i) {  // without a key each is its own
    EXPECT_EQ(balance(post("/admin/v1/wallets/alice:deposit", R"({"amount":1})")), 500 + i);
  }
}

TEST_F(AdminApiTest, TheJournalTellsWhoChangedWhatAndWhatCameOfIt) {
  (void)get("/admin/v1/switches");
  EXPECT_TRUE(get("/admin/v1/journal").body.at("entries").as_array().empty()) << "nothing was changed";
  (void)ask_api(api, request(http::verb::post, "/admin/v1/wallets/alice:deposit", R"({"amount":500})",
                             "Idempotency-Key: k1\r\n"));
  (void)post("/admin/v1/wallets/alice:deposit", R"({"amount":0})");
  const Answer refused = ask_api(api, parsed(http::verb::post, "/admin/v1/archive:run",
                                             fmt::format("Authorization: Bearer {}\r\n", kViewerToken)));
  EXPECT_EQ(refused.status, 403U);
  const json::array entries = get("/admin/v1/journal").body.at("entries").as_array();
  ASSERT_EQ(entries.size(), 2U) << "newest first, and none of what its role forbids";
  EXPECT_EQ(entries[0].at("outcome"), "422 invalid_field");
  const json::object& deposit = entries[1].as_object();
  EXPECT_EQ(deposit.at("number"), 1);
  EXPECT_EQ(deposit.at("token"), "ann");
  EXPECT_EQ(deposit.at("role"), "operator");
  EXPECT_EQ(deposit.at("call"), "POST /admin/v1/wallets/alice:deposit");
  EXPECT_EQ(deposit.at("content"), R"(key k1 {"amount":500})");
  EXPECT_EQ(deposit.at("outcome"), "200");
  EXPECT_TRUE(deposit.contains("ended_at"));
}

TEST_F(AdminApiTest, TheJournalIsPaged) {
  for (int i = 0; i < 101; ++i) {
    (void)post("/admin/v1/archive:run");
  }
  const Answer first = get("/admin/v1/journal");
  EXPECT_EQ(first.body.at("entries").as_array().size(), 100U);
  EXPECT_EQ(first.body.at("next_before"), 2);
  const Answer second = get("/admin/v1/journal?before=2");
  EXPECT_EQ(second.body.at("entries").as_array().size(), 1U);
  EXPECT_FALSE(second.body.as_object().contains("next_before"));
  for (const char* before : {"", "0", "-1", "x"}) {
    EXPECT_EQ(get(fmt::format("/admin/v1/journal?before={}", before)).refusal(), "422 invalid_field before");
  }
}

TEST_F(AdminApiTest, WithoutItsLineNothingIsChanged) {
  journal_store.fail(true);
  EXPECT_EQ(post("/admin/v1/wallets/alice:deposit", R"({"amount":5})").refusal(), "503 journal_unavailable -");
  EXPECT_EQ(post("/admin/v1/wallets/alice:freeze").refusal(), "503 journal_unavailable -");
  EXPECT_EQ(put("/admin/v1/switches", R"({"switches":{"opens":false}})").refusal(), "503 journal_unavailable -");
  journal_store.fail(false);
  journal_store.hold();
  EXPECT_EQ(post("/admin/v1/wallets/alice:deposit", R"({"amount":5})").refusal(), "503 journal_unavailable -");
  EXPECT_EQ(balance(get("/admin/v1/wallets/alice")), 0) << "reads wait for no journal";
  journal_store.release();
  journal_store.set_bytes(1'000);
  EXPECT_EQ(post("/admin/v1/archive:run").refusal(), "503 journal_unavailable -");
  EXPECT_TRUE(at.control.is_on(Switch::kOpens));
  EXPECT_EQ(at.wallet("alice"), 0);
  EXPECT_EQ(archive_rounds, 0);
}

TEST_F(AdminApiTest, ADaysDepositsHaveALimitAndRepeatsCountOnce) {
  AdminServices limited = services();
  Wallets wallets(at.use_cases.ledgers, at.use_cases.frozen_accounts, at.workers, at.clock, Money(100));
  AdminApi day({.tokens = limited.tokens,
                .journal = limited.journal,
                .shards = limited.shards,
                .wallets = wallets,
                .audit = limited.audit,
                .reconciler = limited.reconciler,
                .archiver = limited.archiver,
                .backup = limited.backup,
                .orders = limited.orders,
                .region = limited.region,
                .workers = limited.workers,
                .status_workers = limited.status_workers,
                .control = limited.control,
                .control_workers = limited.control_workers,
                .ids = limited.ids,
                .registry = limited.registry},
               options());
  const auto deposit = [&](const char* user, int amount, const char* key) {
    return ask_api(day,
                   request(http::verb::post, fmt::format("/admin/v1/wallets/{}:deposit", user),
                           fmt::format(R"({{"amount":{}}})", amount), fmt::format("Idempotency-Key: {}\r\n", key)));
  };
  EXPECT_EQ(deposit("alice", 60, "k1").status, 200U);
  EXPECT_EQ(deposit("bob", 41, "k2").refusal(), "409 deposit_limit_reached -");
  EXPECT_EQ(deposit("bob", 40, "k2").status, 200U);
  EXPECT_EQ(deposit("alice", 60, "k1").status, 200U) << "it is the one of before";
  EXPECT_EQ(deposit("alice", 1, "k3").refusal(), "409 deposit_limit_reached -");
  EXPECT_EQ(at.wallet("alice"), 60);
  EXPECT_EQ(at.wallet("bob"), 40);
}

TEST_F(AdminApiTest, OneDepositHasALimit) {
  AdminApiOptions small = options();
  small.deposit_max = Money(50);
  AdminApi limited(services(), small);
  const auto deposit = [&](int amount) {
    return ask_api(limited, request(http::verb::post, "/admin/v1/wallets/alice:deposit",
                                    fmt::format(R"({{"amount":{}}})", amount)));
  };
  EXPECT_EQ(deposit(51).refusal(), "422 invalid_field amount");
  EXPECT_EQ(deposit(50).status, 200U);
}

TEST_F(AdminApiTest, BadDepositsNameTheirFieldAndMoveNothing) {
  const auto refusal = [&](const std::string& body) { return post("/admin/v1/wallets/alice:deposit", body).refusal(); };
  for (const char* amount : {"0", "-1", "1.5", "\"5\"", "null", "100000000001"}) {
    EXPECT_EQ(refusal(fmt::format(R"({{"amount":{}}})", amount)), "422 invalid_field amount") << amount;
  }
  EXPECT_EQ(refusal(""), "422 invalid_field amount");
  EXPECT_EQ(refusal(R"({"amount":5,"to":"bob"})"), "422 unknown_field to");
  EXPECT_EQ(refusal(R"({"amount":5)"), "400 malformed_json body");
  const HttpRequest bad_key = request(http::verb::post, "/admin/v1/wallets/alice:deposit", R"({"amount":5})",
                                      fmt::format("Idempotency-Key: {}\r\n", std::string(65, 'k')));
  EXPECT_EQ(ask_api(api, bad_key).status, 400U);
  EXPECT_EQ(at.wallet("alice"), 0);
}

TEST_F(AdminApiTest, AUsersNameIsChecked) {
  const std::string too_long(65, 'a');
  for (const std::string& name : {std::string("al%20ice"), std::string("%C3%A4"), too_long}) {
    const std::string wallet = "/admin/v1/wallets/" + name;
    EXPECT_EQ(get(wallet).refusal(), "422 invalid_field user") << name;
    EXPECT_EQ(post(wallet + ":deposit", R"({"amount":5})").refusal(), "422 invalid_field user") << name;
    EXPECT_EQ(post(wallet + ":freeze").refusal(), "422 invalid_field user") << name;
    EXPECT_EQ(post(wallet + ":unfreeze").refusal(), "422 invalid_field user") << name;
  }
}

TEST_F(AdminApiTest, AFrozenWalletTakesNothingUntilItIsFree) {
  const Answer frozen = post("/admin/v1/wallets/alice:freeze");
  EXPECT_EQ(frozen.status, 200U);
  EXPECT_EQ(frozen.body.at("wallet").at("frozen"), true);
  EXPECT_EQ(post("/admin/v1/wallets/alice:deposit", R"({"amount":5})").type(), "account_frozen");
  EXPECT_EQ(post("/admin/v1/wallets/alice:freeze", R"({"why":"x"})").refusal(), "422 unknown_field why");
  EXPECT_EQ(post("/admin/v1/wallets/alice:unfreeze", "{}").body.at("wallet").at("frozen"), false);
  EXPECT_EQ(balance(post("/admin/v1/wallets/alice:deposit", R"({"amount":5})")), 5);
}

TEST_F(AdminApiTest, ALedgerThatFailsLeavesTheOutcomeUnknown) {
  at.ledger.fail_commits(1'000);
  EXPECT_EQ(post("/admin/v1/wallets/alice:deposit", R"({"amount":5})").type(), "outcome_unknown");
  at.ledger.fail_commits(0);
}

TEST_F(AdminApiTest, WhenWorkersAreBusyCallsAreRefusedAtOnce) {
  std::promise<void> begun;
  std::promise<void> busy;
  auto free = busy.get_future().share();
  ASSERT_TRUE(pool.submit([&begun, free] {
    begun.set_value();
    free.wait();
  }));
  begun.get_future().wait();
  while (pool.submit([] {})) {
  }
  for (const char* target : {"/admin/v1/audit", "/admin/v1/shards", "/admin/v1/region", "/admin/v1/archive"}) {
    EXPECT_EQ(get(target).refusal(), "503 overloaded -") << target;
  }
  EXPECT_EQ(put("/admin/v1/switches", R"({"switches":{"opens":false}})").type(), "overloaded");
  EXPECT_EQ(ask_health("/readyz").status, 200U);
  busy.set_value();
}

}  // namespace
}  // namespace hongbao

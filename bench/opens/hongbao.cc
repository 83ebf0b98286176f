// Hongbao over HTTP: packets are sent, paid and grabbed before the clock starts, as people do; what is measured is the
// open with its bearer token and ticket.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <thread>

#include "apps/load/session.h"
#include "apps/load/tokens.h"
#include "opens/system.h"

namespace hongbao::bench {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kCallMax{30};
constexpr std::chrono::seconds kSettleMax{300};
constexpr std::chrono::milliseconds kSettlePoll{20};
constexpr std::chrono::hours kTokenLife{24};

size_t frame_http(std::string_view in) {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t head = in.find("\r\n\r\n");
  const size_t at = in.find(kLength);
  if (head == std::string_view::npos || at > head) {
    return 0;
  }
  size_t length = 0;
  std::from_chars(in.data() + at + kLength.size(), in.data() + head, length);
  const size_t whole = head + 4 + length;
  return in.size() >= whole ? whole : 0;
}

// The JSON body of an answer with status 200.
Result<json::object> body_of(std::string_view answer) {
  json::error_code error;
  const size_t head = answer.find("\r\n\r\n");
  json::value body = json::parse(answer.substr(head + 4), error);
  if (!answer.starts_with("HTTP/1.1 200") || error || !body.is_object()) {
    return fail(ErrorCode::kInternal, fmt::format("hongbao answers: {}", answer));
  }
  return std::move(body.as_object());
}

Result<Given> given_in(std::string_view answer) {
  const auto body = body_of(answer);
  if (!body) {
    return std::unexpected(body.error());
  }
  const json::value* share = body->if_contains("share");
  if (share == nullptr) {
    return Given{};
  }
  return Given{static_cast<uint32_t>(share->at("seq").as_int64()), Money(share->at("amount").as_int64())};
}

load::ResolvedAddress loopback(uint16_t port) {
  return {.endpoint = {.host = "127.0.0.1", .port = port}, .address = {boost::asio::ip::address_v4::loopback(), port}};
}

class Hongbao final : public System {
 public:
  explicit Hongbao(const SystemOptions& options)
      : options_(options), api_(loopback(options.port)), admin_(loopback(options.admin_port)) {}

  Result<void> prepare(const Workload& workload) override {
    const Timestamp expires_at = SystemClock().now() + kTokenLife;
    for (uint32_t user = 0; user < workload.users; ++user) {
      auto token = load::sign_token(options_.jwt_secret, Workload::user_name(user), expires_at);
      if (!token) {
        return std::unexpected(token.error());
      }
      tokens_.push_back(std::move(*token));
    }
    for (uint32_t packet = 0; packet < workload.counts.size(); ++packet) {
      auto id = send(workload, packet);
      if (!id) {
        return std::unexpected(id.error());
      }
      ids_.push_back(std::move(*id));
    }
    for (const auto& [phase, opens] : {std::pair(Phase::kOpens, &workload.opens), {Phase::kLate, &workload.late}}) {
      auto requests = grab(*opens);
      if (!requests) {
        return std::unexpected(requests.error());
      }
      requests_[phase] = std::move(*requests);
    }
    return {};
  }

  Result<Measured> open(Phase phase) override {
    return open_through_sockets(options_, requests_.at(phase), frame_http, given_in);
  }

  // Until settlement and inbox have followed the log to its end.
  Result<void> settle() override {
    const auto deadline = steady_clock::now() + kSettleMax;
    while (steady_clock::now() < deadline) {
      const auto answer = admin_.call("GET", "/admin/v1/shards", admin_header(), "", deadline);
      if (!answer || answer->status != 200) {
        return fail(ErrorCode::kInternal, "the shards can't be listed");
      }
      const auto& shards = answer->body.at("shards").as_array();
      const bool done = std::all_of(shards.begin(), shards.end(), [](const json::value& shard) {
        const auto& next = shard.at("next_voucher");
        return shard.at("settled_to") == next && shard.at("inbox_to") == next;
      });
      if (done) {
        return {};
      }
      std::this_thread::sleep_for(kSettlePoll);
    }
    return fail(ErrorCode::kDeadlineExceeded, "settlement lags for minutes");
  }

 private:
  [[nodiscard]] std::string admin_header() const {
    return fmt::format("Authorization: Bearer {}\r\n", options_.admin_token);
  }
  [[nodiscard]] std::string user_header(uint32_t user) const {
    return fmt::format("Authorization: Bearer {}\r\n", tokens_[user]);
  }

  Result<json::value> call(load::Session& session, std::string_view path, const std::string& headers,
                           const std::string& body) {
    auto answer = session.call("POST", path, headers, body, steady_clock::now() + kCallMax);
    if (!answer) {
      return std::unexpected(answer.error());
    }
    if (answer->status >= 300) {
      return fail(ErrorCode::kInternal,
                  fmt::format("{} is answered {}: {}", path, answer->status, json::serialize(answer->body)));
    }
    return std::move(answer->body);
  }

  // A packet that is sent and paid; its id.
  Result<std::string> send(const Workload& workload, uint32_t packet) {
    const int64_t total = workload.total(packet).fen();
    const std::string key =
        fmt::format("Idempotency-Key: {}-{}\r\n", steady_clock::now().time_since_epoch().count(), packet);
    auto paid_in = call(admin_, fmt::format("/admin/v1/wallets/{}:deposit", Workload::user_name(0)),
                        admin_header() + key, fmt::format(R"({{"amount":{}}})", total));
    if (!paid_in) {
      return std::unexpected(paid_in.error());
    }
    const auto sent =
        call(api_, "/v1/packets", user_header(0) + key,
             fmt::format(R"({{"kind":"lucky","total_amount":{},"count":{}}})", total, workload.counts[packet]));
    if (!sent) {
      return std::unexpected(sent.error());
    }
    std::string id(sent->at("packet").at("id").as_string());
    const auto paid = call(api_, fmt::format("/v1/packets/{}:pay", id), user_header(0),
                           fmt::format(R"({{"pay_token":"{}"}})", sent->at("pay_token").as_string().c_str()));
    return paid ? Result<std::string>(std::move(id)) : std::unexpected(paid.error());
  }

  // Takes the tickets and writes the requests that open with them.
  Result<std::vector<std::string>> grab(const std::vector<Open>& opens) {
    std::vector<std::string> requests;
    for (const auto [packet, user] : opens) {
      requests.push_back(
          fmt::format("POST /v1/packets/{}:grab HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Length: 0\r\n\r\n",
                      ids_[packet], user_header(user)));
    }
    const auto run = run_closed_loop(options_.port, options_.connections, requests, frame_http);
    if (!run) {
      return std::unexpected(run.error());
    }
    for (size_t i = 0; i < opens.size(); ++i) {
      const auto body = body_of(run->answers[i]);
      const json::value* ticket = body ? body->if_contains("ticket") : nullptr;
      if (ticket == nullptr) {
        return fail(ErrorCode::kInternal, fmt::format("a grab is answered: {}", run->answers[i]));
      }
      const std::string open = fmt::format(R"({{"ticket":"{}"}})", ticket->as_string().c_str());
      requests[i] = fmt::format(
          "POST /v1/packets/{}:open HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Type: application/json\r\n"
          "Content-Length: {}\r\n\r\n{}",
          ids_[opens[i].packet], user_header(opens[i].user), open.size(), open);
    }
    return requests;
  }

  const SystemOptions options_;
  load::Session api_;
  load::Session admin_;
  std::vector<std::string> tokens_;  // by user
  std::vector<std::string> ids_;     // by packet
  std::map<Phase, std::vector<std::string>> requests_;
};

}  // namespace

std::unique_ptr<System> make_hongbao(const SystemOptions& options) {
  return std::make_unique<Hongbao>(options);
}

}  // namespace hongbao::bench

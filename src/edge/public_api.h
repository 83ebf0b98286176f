// The public API: section 8 of the design, docs/openapi.yaml. Checks who asks and what, hands it to a use case, and
// prints the answer. Runs on the I/O threads; answers come from whatever thread the use case ends on.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/auth.h"
#include "edge/call.h"
#include "edge/forwarder.h"
#include "edge/paging.h"
#include "service/inbox_lists.h"
#include "service/opening.h"
#include "service/ordering.h"
#include "service/viewing.h"
#include "service/wallets.h"

namespace hongbao {

// What the API calls on. All outlive it.
struct PublicServices {
  Ordering& ordering;
  Opening& opening;
  Viewing& viewing;
  Profiles& profiles;
  Wallets& wallets;
  InboxLists& inbox;
  const PacketIdCodec& ids;
  const PageTokenCodec& page_tokens;
  const Authenticator& authenticator;
  const Control& control;
  const Clock& clock;
  Forwarder* forwarder;  // null: this process owns every shard
};

struct PublicApiOptions {
  std::chrono::milliseconds command_timeout{};
  // By channel name; any of a channel's may have signed.
  std::map<std::string, std::vector<std::string>, std::less<>> channel_secrets;
};

class PublicApi {
 public:
  PublicApi(PublicServices services, PublicApiOptions options, prometheus::Registry& registry);

  void handle(const HttpRequest& request, Reply reply);
  // A request that was authenticated where it came in, and whose packet's shard is this node's, or was. Any thread.
  void answer_here(const PeerRequest& request, Reply reply);

  // From now on every request is answered 503 and its connection closed.
  void refuse_all() { refusing_.store(true); }
  // From now on every answer ends its connection, so that clients find another node.
  void close_connections() { closing_.store(true); }

 private:
  using AsUser = void (PublicApi::*)(const Incoming&, const UserId&, Call);
  // Which shard's owner answers.
  enum class Where : uint8_t {
    kAnywhere,
    kPacket,     // the one that the path's id names
    kView,       // the same, unless this node has the packet in its caches, because it is finished
    kNewPacket,  // the one chosen by the sender and the idempotency key
    kPayToken,   // the one of the order that the pay token is
  };
  struct Route {
    AsUser handler;  // null: payments:notify, which the channel signs
    Where where;
    std::unique_ptr<RouteMetrics> metrics;
    std::unique_ptr<RouteMetrics> peer_metrics;  // of what came in elsewhere
  };

  void add(http::verb method, std::string_view pattern, Where where, AsUser handler, prometheus::Registry& registry,
           std::vector<std::string_view> parameters = {});
  void run(const Route& route, const Incoming& in, const UserId& user, Call call);
  // nullopt: any node may answer, also with what is wrong with it.
  [[nodiscard]] std::optional<ShardId> shard_of(const Route& route, const Incoming& in, const UserId& user) const;
  static PeerRequest copy_of(const HttpRequest& request, const UserId& user);

  // Of the path's id; kNotFound for an id that nobody was given, before anything else is touched.
  [[nodiscard]] Result<PacketKey> packet_of(const Incoming& in) const;

  // public_api.cc: what changes something.
  void send(const Incoming& in, const UserId& user, Call call);
  void pay(const Incoming& in, const UserId& user, Call call);
  void notify(const Incoming& in, Call call);
  void grab(const Incoming& in, const UserId& user, Call call);
  void open(const Incoming& in, const UserId& user, Call call);

  // public_reads.cc: what only reads.
  void view(const Incoming& in, const UserId& user, Call call);
  void shares(const Incoming& in, const UserId& user, Call call);
  void sent(const Incoming& in, const UserId& user, Call call);
  void received(const Incoming& in, const UserId& user, Call call);
  void summary(const Incoming& in, const UserId& user, Call call);
  void wallet(const Incoming& in, const UserId& user, Call call);
  void transfers(const Incoming& in, const UserId& user, Call call);

  // `shard`: of the packet that was paid.
  void answer_payment(Result<PaidPacket> paid, std::optional<ShardId> shard, bool say_outcome, Call call);

  const PublicServices services_;
  const PublicApiOptions options_;
  const Paging paging_;
  Router router_;
  std::vector<Route> routes_;
  RouteMetrics unrouted_;
  std::atomic<bool> refusing_{false};
  std::atomic<bool> closing_{false};
  std::array<prometheus::Counter*, 5> grabs_{};  // by OpenOutcome
  std::array<prometheus::Counter*, 5> opens_{};  // null: not an outcome of an open
};

}  // namespace hongbao

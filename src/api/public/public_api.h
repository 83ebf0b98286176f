// The public API, as docs/openapi.yaml describes it. Checks who asks and what, has it carried out where it
// belongs, and prints the answer. Runs on the I/O threads; answers come from whatever thread the use case ends on.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/api_call.h"
#include "api/auth.h"
#include "api/problem.h"
#include "api/public/paging.h"
#include "routing/forwarder.h"
#include "service/inbox_lists.h"
#include "service/packet_calls.h"
#include "service/wallets.h"

namespace hongbao {

// What the API calls on. All outlive it.
struct PublicServices {
  const PacketCalls& calls;
  const Ordering& ordering;
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
  // A call that came in at another node, which takes this one for its packet's owner. Who asks is looked at as if it
  // had come in here. REQUIRES: a forwarder. Any thread.
  void answer_peer(PacketCall call, Done<PacketAnswer> done);

  // From now on every request is answered 503 and its connection closed.
  void refuse_all() { refusing_.store(true); }
  // From now on every answer ends its connection, so that clients find another node.
  void close_connections() { closing_.store(true); }

 private:
  using Handler = void (PublicApi::*)(const RoutedRequest&, Caller, ApiCall);
  enum class Signer : uint8_t { kUser, kChannel };  // a channel's signature is checked by the handler
  struct Operation {
    Handler handler;
    Signer signer;
    std::unique_ptr<OperationMetrics> metrics;
  };

  void add(http::verb method, std::string_view pattern, Handler handler, prometheus::Registry& registry,
           std::vector<std::string_view> parameters = {}, Signer signer = Signer::kUser);

  // Of the path's id; kNotFound for an id that nobody was given, before anything else is touched.
  [[nodiscard]] Result<PacketKey> packet_of(const RoutedRequest& in) const;
  // Has `what`, a call about a packet, carried out where it belongs, and answers `call` with what `print` makes of it.
  template <class What, class Print>
  void ask(const RoutedRequest& in, What what, ApiCall call, Print print) const;

  // forwarded.cc
  [[nodiscard]] static CallProof proof_of(const HttpRequest& request, bool is_by_channel);
  // That whoever the call is said to be of has asked for it. Puts what only this node's own keys vouch for in place of
  // what the other node says it is.
  Result<void> believe(PacketCall& call) const;
  Result<void> believe_channel(NotifyCall& call, const CallProof& proof) const;

  // packets.cc
  void send(const RoutedRequest& in, Caller caller, ApiCall call);
  void view(const RoutedRequest& in, Caller caller, ApiCall call);
  void shares(const RoutedRequest& in, Caller caller, ApiCall call);
  void grab(const RoutedRequest& in, Caller caller, ApiCall call);
  void open(const RoutedRequest& in, Caller caller, ApiCall call);

  // payments.cc
  void pay(const RoutedRequest& in, Caller caller, ApiCall call);
  void notify(const RoutedRequest& in, Caller caller, ApiCall call);
  // What a channel has signed. `leeway`: how much older it may be than at the node where it came in.
  [[nodiscard]] Result<ChannelPayment> read_notification(std::string_view body, std::string_view signature,
                                                         std::chrono::seconds leeway) const;

  // users.cc
  void sent(const RoutedRequest& in, Caller caller, ApiCall call);
  void received(const RoutedRequest& in, Caller caller, ApiCall call);
  void summary(const RoutedRequest& in, Caller caller, ApiCall call);
  void wallet(const RoutedRequest& in, Caller caller, ApiCall call);
  void transfers(const RoutedRequest& in, Caller caller, ApiCall call);

  const PublicServices services_;
  const PublicApiOptions options_;
  const Paging paging_;
  Router router_;
  std::vector<Operation> operations_;
  OperationMetrics unrouted_;
  prometheus::Counter& ids_refused_;
  std::array<std::unique_ptr<OperationMetrics>, std::variant_size_v<decltype(PacketCall::what)>> peer_metrics_;
  std::atomic<bool> refusing_{false};
  std::atomic<bool> closing_{false};
  std::array<prometheus::Counter*, 5> grabs_{};  // by OpenOutcome
  std::array<prometheus::Counter*, 5> opens_{};  // null: not an outcome of an open
};

template <class What, class Print>
void PublicApi::ask(const RoutedRequest& in, What what, ApiCall call, Print print) const {
  const SteadyTime deadline = call.deadline();
  const uint64_t flow = call.flow();
  if (services_.forwarder == nullptr) {
    services_.calls.carry_out(
        what, deadline,
        [call = std::move(call), print = std::move(print)](Result<typename What::Answer> answer) mutable {
          call.send(answer ? print(*answer) : problem(answer.error()));
        });
    return;
  }
  services_.forwarder->bring({std::move(what), deadline, flow, proof_of(in.request, std::is_same_v<What, NotifyCall>)},
                             [call = std::move(call), print = std::move(print)](Brought brought) mutable {
                               HttpResponse response = brought.answer
                                                           ? print(std::get<typename What::Answer>(*brought.answer))
                                                           : problem(brought.answer.error());
                               if (!brought.owner.empty()) {
                                 response.headers += "Hongbao-Owner: " + brought.owner + "\r\n";
                               }
                               call.send(std::move(response));
                             });
}

}  // namespace hongbao

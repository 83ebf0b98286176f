#include "net/link/peer_client.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/log_rate.h"
#include "net/listen.h"

namespace hongbao {
namespace {

using boost::asio::ip::tcp;

std::string_view reason_of(ErrorCode code) {
  return code == ErrorCode::kOverloaded ? "too many requests to the other node are under way"
                                        : "the other node is not connected";
}

// What a refusal tells its caller. kOutcomeUnknown also for what is no refusal: whoever wrote it has had the request.
std::unexpected<Error> refusal_as_error(std::string_view payload) {
  switch (static_cast<PeerRefusal>(payload.size() == 1 ? payload.front() : 0)) {
    case PeerRefusal::kOverloaded:
      return fail(ErrorCode::kOverloaded, "the other node has too much under way");
    case PeerRefusal::kFailed:
      return fail(ErrorCode::kInternal, "the other node can't answer this");
    case PeerRefusal::kNotAnswered:
      break;
  }
  return fail(ErrorCode::kOutcomeUnknown, "the other node has not answered");
}

// REQUIRES: the client's lock, or that the link has ended. Says of calls that get no answer whether they left.
ErrorCode fate_of(PeerConnection& link, const PeerCall& call) {
  return link.withdraw(call.place) ? ErrorCode::kUnavailable : ErrorCode::kOutcomeUnknown;
}

struct Ended {
  PeerCall call;
  ErrorCode code;
};

std::vector<Ended> with_fates(std::vector<PeerCall> calls, PeerConnection& link) {
  std::vector<Ended> ended;
  ended.reserve(calls.size());
  for (PeerCall& call : calls) {
    const ErrorCode code = fate_of(link, call);
    ended.push_back({std::move(call), code});
  }
  return ended;
}

void tell(std::vector<Ended> ended, const std::string& why) {
  for (Ended& one : ended) {
    one.call.done(fail(one.code, why));
  }
}

}  // namespace

// The connection, as long as it lasts.
class PeerClient::Link final : public PeerConnection {
 public:
  Link(PeerIo& io, std::shared_ptr<PeerClient> client)
      : PeerConnection(io, tcp::socket(io.context()), PeerRole::kClient, client->node_ + "." + io.domain()),
        client_(std::move(client)) {}

  void open() override {
    socket().async_connect(client_->endpoint_, [self = std::static_pointer_cast<Link>(shared_from_this())](
                                                   const boost::system::error_code& error) {
      if (!self->socket().is_open()) {
        return;  // the attempt was ended
      }
      if (error) {
        self->close(error.message());
      } else {
        self->begin();
      }
    });
  }

 private:
  void on_frame(const PeerFrame& frame) override {
    if (frame.type == PeerFrameType::kResponse || frame.type == PeerFrameType::kRefusal) {
      client_->complete(frame);
    } else {
      close("sent a request to its client");
    }
  }
  void on_established() override {
    log_info("peer_connected", {{"node", client_->node_}, {"peer", to_text(client_->endpoint_)}});
  }
  void on_sweep(SteadyTime now) override { client_->expire(*this, now); }
  void on_closed(const std::string& why) override { client_->lost(*this, established(), why); }

  const std::shared_ptr<PeerClient> client_;
};

PeerClient::PeerClient(PeerIo& io, std::string node, tcp::endpoint endpoint)
    : io_(io), node_(std::move(node)), endpoint_(std::move(endpoint)) {}

void PeerClient::call(const PeerRequest& request, Done<std::string_view> done) {
  thread_local std::string payload;
  const SteadyTime now = std::chrono::steady_clock::now();
  encode_request(request, now, payload);
  if (auto sent = send(payload, request, now, done); !sent) {
    done(std::unexpected(std::move(sent.error())));
  }
}

// Takes `done` only when it succeeds.
Result<void> PeerClient::send(std::string_view payload, const PeerRequest& request, SteadyTime now,
                              Done<std::string_view>& done) {
  if (payload.size() > io_.limits().frame_bytes_max) {
    return fail(ErrorCode::kBodyTooLarge, "is longer than one node sends another", "request");
  }
  if (request.deadline <= now) {
    return fail(ErrorCode::kUnavailable, "no time was left to ask the other node");
  }
  const std::lock_guard lock(mutex_);
  const bool is_one_too_many =
      calls_.size() >= io_.limits().requests_in_flight_max ||
      (request.flow != 0 && calls_.size_of_flow(request.flow) >= io_.limits().flow_requests_max);
  if (is_one_too_many) {
    return fail(ErrorCode::kOverloaded, std::string(reason_of(ErrorCode::kOverloaded)));
  }
  if (auto connected = connect(now); !connected) {
    return connected;
  }
  const uint64_t id = calls_.add({std::move(done), request.deadline, request.flow});
  const auto place = link_->send({PeerFrameType::kRequest, id, payload}, request.flow);
  if (!place) {
    done = std::move(calls_.take(id)->done);
    return fail(place.error(), std::string(reason_of(place.error())));
  }
  calls_.find(id)->place = *place;
  return {};
}

// REQUIRES: the lock. Afterwards there is a link, which may still be on its way.
Result<void> PeerClient::connect(SteadyTime now) {
  if (link_) {
    return {};
  }
  auto link = now < reconnect_at_ ? nullptr : std::make_shared<Link>(io_, shared_from_this());
  if (!link || !io_.adopt(link)) {
    return fail(ErrorCode::kUnavailable, std::string(reason_of(ErrorCode::kUnavailable)));
  }
  link_ = std::move(link);
  return {};
}

bool PeerClient::is_idle() {
  const std::lock_guard lock(mutex_);
  return link_ == nullptr;
}

void PeerClient::complete(const PeerFrame& response) {
  std::optional<PeerCall> call;
  {
    const std::lock_guard lock(mutex_);
    call = calls_.take(response.id);
  }
  if (call) {  // else its deadline has passed
    call->done(response.type == PeerFrameType::kResponse ? Result<std::string_view>(response.payload)
                                                         : refusal_as_error(response.payload));
  }
}

void PeerClient::expire(Link& link, SteadyTime now) {
  std::vector<PeerCall> calls;
  {
    const std::lock_guard lock(mutex_);
    calls_.take_expired(now, calls);
  }
  tell(with_fates(std::move(calls), link), "the other node did not answer in time");
}

void PeerClient::lost(Link& link, bool was_established, const std::string& why) {
  const PeerLimits& limits = io_.limits();
  std::vector<PeerCall> calls;
  {
    const std::lock_guard lock(mutex_);
    link_.reset();
    calls_.take_all(calls);
    reconnect_after_ = was_established || reconnect_after_ == std::chrono::milliseconds::zero()
                           ? limits.reconnect_after_min
                           : std::min(reconnect_after_ * 2, limits.reconnect_after_max);
    reconnect_at_ = std::chrono::steady_clock::now() + reconnect_after_;
  }
  const char* event = was_established ? "peer_lost" : "peer_unreachable";
  if (const auto left_out = log_turn(event, to_text(endpoint_))) {
    log_warn(event, {{"node", node_},
                     {"peer", to_text(endpoint_)},
                     {"why", why},
                     {"requests", calls.size()},
                     {"suppressed", *left_out}});
  }
  tell(with_fates(std::move(calls), link), "the connection to the other node was lost");
}

}  // namespace hongbao

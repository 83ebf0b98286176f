#include "edge/forwarder.h"

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "edge/problem.h"

namespace hongbao {

// One request on its way. It is itself what an answer at this node is given to, because that may be `not_owner`.
class Forwarder::Errand final : public ReplyTarget, public std::enable_shared_from_this<Errand> {
 public:
  Errand(Forwarder& forwarder, ShardId shard, Request request, Call call)
      : forwarder_(forwarder), shard_(shard), request_(std::move(request.request)), call_(std::move(call)) {
    if (request.in_doubt) {
      doubt();
    }
  }

  [[nodiscard]] ShardId shard() const { return shard_; }
  [[nodiscard]] const PeerRequest& request() const { return request_; }
  // Nobody said what became of it; or a part of it was done, as a payment whose packet is not active yet.
  void doubt() { in_doubt_ = request_.method != http::verb::get && request_.method != http::verb::head; }
  // By the node that was asked last, or not: the reason to give when no time is left.
  void set_unanswered(bool unanswered) { unanswered_ = unanswered; }

  void answer(std::shared_ptr<ReplyTarget> self, uint64_t, HttpResponse response) override {
    if (response.not_owner) {
      doubt();
      set_unanswered(false);
      forwarder_.run_later(std::static_pointer_cast<Errand>(std::move(self)));
    } else {
      finish(std::move(response));
    }
  }
  void give_up(std::shared_ptr<ReplyTarget>, uint64_t) override { finish(problem(Error{ErrorCode::kInternal})); }

  // "Not now" is true of the last try only: an earlier one may have taken effect.
  void finish(HttpResponse response) {
    if (in_doubt_ &&
        (response.status == http::status::service_unavailable || response.status == http::status::too_many_requests)) {
      response = problem(Error{ErrorCode::kOutcomeUnknown, "it was tried before, without an answer; ask again"});
    }
    call_.send(std::move(response));
  }
  void finish(ErrorCode code, const char* detail) {
    if (unanswered_) {
      finish(problem(Error{ErrorCode::kDeadlineExceeded, "the node that owns the packet did not answer in time"}));
    } else {
      finish(problem(Error{code, detail}));
    }
  }

 private:
  Forwarder& forwarder_;
  const ShardId shard_;
  const PeerRequest request_;
  Call call_;
  bool in_doubt_ = false;
  bool unanswered_ = false;
};

Forwarder::Forwarder(const ShardSet& shards, const Placement& placement, PeerPool& peers, PeerIo& io,
                     ForwarderLimits limits, prometheus::Registry& registry)
    : shards_(shards),
      placement_(placement),
      peers_(peers),
      io_(io),
      limits_(limits),
      forwarded_(add_counter(registry, "hongbao_forwarded_total", "Requests sent to another node.")),
      repeated_(add_counter(registry, "hongbao_forward_retries_total",
                            "Tries that found no owner, or one that had just lost the shard.")) {}

void Forwarder::bring(ShardId shard, Request request, Call call) {
  run(std::make_shared<Errand>(*this, shard, std::move(request), std::move(call)));
}

void Forwarder::run(std::shared_ptr<Errand> errand) {
  if (shards_.owns(errand->shard())) {
    answer_here_(errand->request(), Reply(errand, 0));
    return;
  }
  const auto owner = placement_.owner(errand->shard());
  if (!owner || placement_.is_self(*owner)) {
    run_later(std::move(errand));  // it is on its way here, or nobody knows yet
  } else {
    send(*owner, std::move(errand));
  }
}

void Forwarder::send(const Member& owner, std::shared_ptr<Errand> errand) {
  forwarded_.Increment();
  const PeerRequest& request = errand->request();
  peers_.call(owner.address, request,
              [this, name = owner.node, errand = std::move(errand)](Result<HttpResponse> answer) mutable {
                if (answer && !answer->not_owner) {
                  answer->headers += "Hongbao-Owner: " + name + "\r\n";
                  errand->finish(std::move(*answer));
                } else if (!answer && answer.error().code != ErrorCode::kUnavailable &&
                           answer.error().code != ErrorCode::kOutcomeUnknown) {
                  errand->finish(problem(answer.error()));
                } else {
                  const bool unanswered = !answer && answer.error().code == ErrorCode::kOutcomeUnknown;
                  errand->set_unanswered(unanswered);
                  if (answer || unanswered) {
                    errand->doubt();
                  }
                  run_later(std::move(errand));
                }
              });
}

void Forwarder::run_later(std::shared_ptr<Errand> errand) {
  repeated_.Increment();
  const SteadyTime at = std::chrono::steady_clock::now() + limits_.retry_pause;
  if (at >= errand->request().deadline) {
    errand->finish(ErrorCode::kUnavailable, "the packet's shard has no owner at the moment");
    return;
  }
  if (waiting_.fetch_add(1) >= limits_.retries_waiting_max) {
    --waiting_;
    errand->finish(ErrorCode::kOverloaded, "too many requests wait for shards that change hands");
    return;
  }
  auto timer = std::make_shared<boost::asio::steady_timer>(io_.context(), at);
  timer->async_wait([this, timer, errand = std::move(errand)](const boost::system::error_code& error) mutable {
    --waiting_;
    if (error) {
      errand->finish(ErrorCode::kShuttingDown, "the server is stopping");
    } else {
      run(std::move(errand));
    }
  });
}

}  // namespace hongbao

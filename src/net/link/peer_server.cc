#include "net/link/peer_server.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/log_rate.h"
#include "net/link/peer_connection.h"
#include "net/link/peer_frame.h"
#include "net/listen.h"

namespace hongbao {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptPause{50};
constexpr std::chrono::seconds kHandshakesCounted{1};
constexpr size_t kAddressesCounted = 4'096;

}  // namespace

// One connection of another node.
class PeerServerSession final : public PeerConnection, public PeerReplyTarget {
 public:
  PeerServerSession(PeerServer& server, tcp::socket socket)
      : PeerConnection(server.io_, std::move(socket), PeerRole::kServer, "." + server.io_.domain()), server_(server) {
    boost::system::error_code ignored;
    from_ = this->socket().remote_endpoint(ignored);
  }

  void open() override {
    server_.sessions_.insert(this);
    server_.unproven_.push_back(this);
    begin();
  }

  [[nodiscard]] asio::ip::address address() const { return from_.address(); }

  [[nodiscard]] bool owes_answers() { return in_flight_.load() > 0 || has_unsent(); }

  // Any thread.
  bool is_full_for(uint64_t flow) override { return has_too_much_of(flow); }
  void answer(uint64_t request, uint64_t flow, std::string_view payload, PeerRefusal if_no_room) override {
    if (payload.size() > limits().frame_bytes_max) {
      log_error("peer_answer_too_large", {{"bytes", payload.size()}});
      refuse(request, PeerRefusal::kFailed);
      return;
    }
    const auto sent = send({PeerFrameType::kResponse, request, payload}, flow);
    if (!sent && sent.error() == ErrorCode::kOverloaded) {
      refuse(request, if_no_room);
    } else {
      in_flight_.fetch_sub(1);
    }
  }
  void refuse(uint64_t request, PeerRefusal refusal) override {
    const char why = static_cast<char>(refusal);
    const auto sent = send({PeerFrameType::kRefusal, request, {&why, 1}}, 0);
    in_flight_.fetch_sub(1);
    if (!sent && sent.error() == ErrorCode::kOverloaded) {
      overrun_.store(true);
    } else if (const auto left_out =
                   refusal == PeerRefusal::kOverloaded ? log_turn("peer_request_refused") : std::nullopt) {
      log_warn("peer_request_refused", {{"peer", to_text(from_)}, {"suppressed", *left_out}});
    }
  }

 private:
  void on_frame(const PeerFrame& frame) override {
    if (frame.type != PeerFrameType::kRequest) {
      close("sent a response to its server");
      return;
    }
    const bool is_one_too_many = in_flight_.fetch_add(1) >= limits().requests_in_flight_max;
    const auto request = decode_request(frame.payload, std::chrono::steady_clock::now());
    if (is_one_too_many) {
      refuse(frame.id, PeerRefusal::kOverloaded);
    } else if (!request) {
      refuse(frame.id, PeerRefusal::kFailed);
    } else {
      server_.handler_(*request, PeerReply(std::static_pointer_cast<PeerServerSession>(shared_from_this()), frame.id));
    }
  }

  void on_established() override {
    server_.unproven_.remove(this);
    if (server_.nodes() > limits().connections_max) {
      close("too many nodes are connected");
    }
  }

  void on_closed(const std::string& why) override {
    server_.sessions_.erase(this);
    server_.unproven_.remove(this);
    const char* event = established() ? "peer_gone" : "peer_refused";
    if (const auto left_out = log_turn(event)) {
      log_info(event, {{"peer", to_text(from_)}, {"why", why}, {"suppressed", *left_out}});
    }
  }

  // A node that does not even take refusals gets no more: its calls end as unknown.
  void on_sweep(SteadyTime /*now*/) override {
    if (overrun_.load()) {
      close("does not take its answers");
    }
  }

  PeerServer& server_;  // may be gone when this is closed
  tcp::endpoint from_;
  std::atomic<uint32_t> in_flight_{0};
  std::atomic<bool> overrun_{false};  // not even a refusal had room
};

PeerServer::PeerServer(PeerIo& io, PeerHandler handler)
    : io_(io), handler_(std::move(handler)), acceptor_(io.context()), accept_pause_(io.context()) {}

PeerServer::~PeerServer() {
  stop();
}

Result<std::string> PeerServer::bind(const std::string& listen) {
  return listen_at(acceptor_, listen);
}

void PeerServer::start() {
  io_.run([this] { accept(); });
}

void PeerServer::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
    if (!acceptor_.is_open()) {
      return;
    }
    if (error) {
      if (const auto left_out = log_turn("peer_accept_failed")) {
        log_warn("peer_accept_failed", {{"error", error.message()}, {"suppressed", *left_out}});
      }
      accept_after_pause();  // most likely out of file descriptors
      return;
    }
    boost::system::error_code gone;
    if (const auto from = socket.remote_endpoint(gone); gone || !may_shake_hands(from.address())) {
      if (const auto left_out = log_turn("peer_handshake_refused")) {
        log_warn("peer_handshake_refused", {{"peer", to_text(from)}, {"suppressed", *left_out}});
      }
    } else if (nodes() >= io_.limits().connections_max) {
      if (const auto left_out = log_turn("peer_connection_refused")) {
        log_warn("peer_connection_refused",
                 {{"connections_max", io_.limits().connections_max}, {"suppressed", *left_out}});
      }
    } else {
      auto session = std::make_shared<PeerServerSession>(*this, std::move(socket));
      make_room(session->address());
      io_.keep(session);
    }
    accept();
  });
}

bool PeerServer::may_shake_hands(const asio::ip::address& from) {
  const auto now = std::chrono::steady_clock::now();
  if (now - handshakes_since_ >= kHandshakesCounted) {
    handshakes_.clear();
    handshakes_since_ = now;
  }
  // Those that there is no room for are counted together.
  const bool has_room = handshakes_.size() < kAddressesCounted || handshakes_.contains(from);
  return ++handshakes_[has_room ? from : asio::ip::address()] <= io_.limits().handshakes_of_address_max;
}

// For one more that has not proved itself.
void PeerServer::make_room(const asio::ip::address& from) {
  const auto is_from_there = [&](const PeerServerSession* session) { return session->address() == from; };
  const auto oldest_from_there = std::ranges::find_if(unproven_, is_from_there);
  if (std::ranges::count_if(unproven_, is_from_there) >= io_.limits().unproven_of_address_max) {
    (*oldest_from_there)->close("others came after it");
  } else if (unproven_.size() >= io_.limits().unproven_max) {
    unproven_.front()->close("others came after it");
  }
}

void PeerServer::accept_after_pause() {
  accept_pause_.expires_after(kAcceptPause);
  accept_pause_.async_wait([this](const boost::system::error_code& error) {
    if (!error && acceptor_.is_open()) {
      accept();
    }
  });
}

void PeerServer::stop_accepting() {
  io_.run([this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
  });
  // What was accepted or waited for has its handler called behind that, and before this.
  io_.run([] {});
}

void PeerServer::stop() {
  stop_accepting();
  io_.run([this] {
    const std::vector<PeerServerSession*> sessions(sessions_.begin(), sessions_.end());
    for (PeerServerSession* session : sessions) {
      session->flush();
      session->close("this node is stopping");
    }
  });
}

bool PeerServer::owes_answers() {
  bool owes = false;
  io_.run([&] { owes = std::ranges::any_of(sessions_, [](auto* session) { return session->owes_answers(); }); });
  return owes;
}

}  // namespace hongbao

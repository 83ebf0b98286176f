#include "routing/codec.h"

#include <algorithm>
#include <iterator>

#include "core/limits.h"
#include "routing/codec_parts.h"

namespace hongbao {
namespace {

using namespace wire;

// Every code that an answer can have, under a number that stays.
constexpr std::pair<ErrorCode, uint32_t> kCodes[] = {
    {ErrorCode::kInvalidField, 1},
    {ErrorCode::kForbidden, 2},
    {ErrorCode::kTicketInvalid, 3},
    {ErrorCode::kTicketExpired, 4},
    {ErrorCode::kNotFound, 5},
    {ErrorCode::kNotPaid, 6},
    {ErrorCode::kIdempotencyKeyReused, 7},
    {ErrorCode::kPayTokenInvalid, 8},
    {ErrorCode::kPayTokenExpired, 9},
    {ErrorCode::kAmountMismatch, 10},
    {ErrorCode::kPaymentIdReused, 11},
    {ErrorCode::kAlreadySent, 12},
    {ErrorCode::kInsufficientFunds, 13},
    {ErrorCode::kAccountFrozen, 14},
    {ErrorCode::kTransferIdReused, 15},
    {ErrorCode::kOverloaded, 16},
    {ErrorCode::kPacketBusy, 17},
    {ErrorCode::kUnavailable, 18},
    {ErrorCode::kDeadlineExceeded, 19},
    {ErrorCode::kOutcomeUnknown, 20},
    {ErrorCode::kShuttingDown, 21},
    {ErrorCode::kSwitchedOff, 22},
    {ErrorCode::kFenced, 23},
    {ErrorCode::kStorage, 24},
    {ErrorCode::kInternal, 25},
    {ErrorCode::kTokenMissing, 26},
    {ErrorCode::kUnauthenticated, 27},
    {ErrorCode::kTokenExpired, 28},
    {ErrorCode::kSignatureInvalid, 29},
    {ErrorCode::kNotificationStale, 30},
    {ErrorCode::kOpenFirst, 31},
    {ErrorCode::kNotInGroup, 32},
};

uint32_t number_of_code(ErrorCode code) {
  const auto* found = std::ranges::find(kCodes, code, &std::pair<ErrorCode, uint32_t>::first);
  return found == std::end(kCodes) ? number_of_code(ErrorCode::kInternal) : found->second;
}

template <class Message>
void serialize(const Message& message, std::string& out) {
  out.clear();
  message.AppendToString(&out);
}

bool parse(google::protobuf::Message& message, std::string_view bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// --- calls
// ------------------------------------------------------------------------------------------------------------

void write_call(const SendCall& call, pb::Call& out) {
  pb::Send& send = *out.mutable_send();
  send.set_sender(call.sender.user.text());
  send.set_idempotency_key(call.idempotency_key);
  send.set_shard(to_text(call.shard));
  send.set_kind(static_cast<uint32_t>(call.request.kind));
  send.set_rule(static_cast<uint32_t>(call.request.rule));
  send.set_total_fen(call.request.total.fen());
  send.set_count(call.request.count);
  send.set_greeting(call.request.greeting);
  send.set_recipient(call.request.recipient.text());
  send.set_group(call.request.group.text());
}

bool read_call(const pb::Send& in, SendCall& call) {
  const auto shard = parse_shard_id(in.shard());
  const bool is_known = in.kind() >= 1 && in.kind() <= 3 && in.rule() >= 1 && in.rule() <= 3;
  if (!shard || !is_known || !read_user(in.sender(), call.sender.user) ||
      !read_money(in.total_fen(), call.request.total) ||
      !(in.recipient().empty() || read_user(in.recipient(), call.request.recipient)) ||
      !read_group(in.group(), call.request.group)) {
    return false;
  }
  call.shard = *shard;
  call.idempotency_key = in.idempotency_key();
  call.request.kind = static_cast<PacketKind>(in.kind());
  call.request.rule = static_cast<Rule>(in.rule());
  call.request.count = in.count();
  call.request.greeting = in.greeting();
  return is_name(call.idempotency_key, kIdempotencyKeyLengthMax) && check_send_request(call.request).has_value();
}

void write_call(const PayCall& call, pb::Call& out) {
  out.mutable_pay()->set_user(call.user.text());
  write(call.packet, *out.mutable_pay()->mutable_packet());
  write(call.ordered, *out.mutable_pay()->mutable_ordered());
}

bool read_call(const pb::Pay& in, PayCall& call) {
  return read_user(in.user(), call.user) && read(in.packet(), call.packet) && read(in.ordered(), call.ordered);
}

void write_call(const NotifyCall& call, pb::Call& out) {
  pb::Notify& notify = *out.mutable_notify();
  notify.set_channel(call.payment.channel);
  notify.set_payment_id(call.payment.payment_id);
  notify.set_amount_fen(call.payment.amount.fen());
  write(call.payment.ordered, *notify.mutable_ordered());
}

bool read_call(const pb::Notify& in, NotifyCall& call) {
  call.payment.channel = in.channel();
  call.payment.payment_id = in.payment_id();
  return UserId::parse(in.channel()) &&  // named with the same characters
         is_name(in.payment_id(), kPaymentIdLengthMax) && read_money(in.amount_fen(), call.payment.amount) &&
         call.payment.amount >= Money(1) && read(in.ordered(), call.payment.ordered);
}

void write_call(const GrabCall& call, pb::Call& out) {
  out.mutable_grab()->set_user(call.asker.user.text());
  write(call.packet, *out.mutable_grab()->mutable_packet());
}

bool read_call(const pb::Grab& in, GrabCall& call) {
  return read_user(in.user(), call.asker.user) && read(in.packet(), call.packet);
}

void write_call(const OpenCall& call, pb::Call& out) {
  out.mutable_open()->set_user(call.asker.user.text());
  write(call.packet, *out.mutable_open()->mutable_packet());
  out.mutable_open()->set_ticket(call.ticket);
}

bool read_call(const pb::Open& in, OpenCall& call) {
  call.ticket = in.ticket();
  return call.ticket.size() <= kTokenBytesMax && read_user(in.user(), call.asker.user) &&
         read(in.packet(), call.packet);
}

void write_call(const ViewCall& call, pb::Call& out) {
  out.mutable_view()->set_user(call.asker.user.text());
  write(call.packet, *out.mutable_view()->mutable_packet());
}

bool read_call(const pb::View& in, ViewCall& call) {
  return read_user(in.user(), call.asker.user) && read(in.packet(), call.packet);
}

void write_call(const SharesCall& call, pb::Call& out) {
  out.mutable_shares()->set_user(call.asker.user.text());
  write(call.packet, *out.mutable_shares()->mutable_packet());
  out.mutable_shares()->set_seq(call.seq);
  out.mutable_shares()->set_shares_max(call.shares_max);
}

bool read_call(const pb::Shares& in, SharesCall& call) {
  call.seq = in.seq();
  call.shares_max = in.shares_max();
  return call.seq >= 1 && call.seq <= kSharesPerPacketMax && call.shares_max >= 1 &&
         call.shares_max <= kSharesPageMax && read_user(in.user(), call.asker.user) && read(in.packet(), call.packet);
}

// --- answers
// ----------------------------------------------------------------------------------------------------------

void write_answer(const Error& error, pb::Answer& out) {
  pb::Failure& failure = *out.mutable_failure();
  failure.set_code(number_of_code(error.code));
  failure.set_detail(error.detail);
  failure.set_field(error.field);
  failure.set_packet_id(error.packet_id);
}

bool read_answer(const pb::Failure& in, Error& error) {
  const auto* found = std::ranges::find(kCodes, in.code(), &std::pair<ErrorCode, uint32_t>::second);
  if (found == std::end(kCodes)) {
    return false;
  }
  error = {found->first, in.detail(), in.field(), in.packet_id()};
  return true;
}

void write_answer(const PreOrder& pre_order, pb::Answer& out) {
  write(pre_order.order, *out.mutable_pre_order()->mutable_ordered()->mutable_order());
  out.mutable_pre_order()->mutable_ordered()->set_pay_token(pre_order.pay_token);
  out.mutable_pre_order()->set_greeting(pre_order.greeting);
}

bool read_answer(const pb::PreOrder& in, PreOrder& pre_order) {
  SealedOrder ordered;
  if (!read(in.ordered(), ordered)) {
    return false;
  }
  pre_order = {std::move(ordered.order), std::move(ordered.pay_token), in.greeting()};
  return true;
}

void write_answer(const PaymentAnswer& paid, pb::Answer& out) {
  out.mutable_paid()->set_outcome(number_of(paid.outcome));
  write(paid.packet, *out.mutable_paid()->mutable_packet());
}

bool read_answer(const pb::Paid& in, PaymentAnswer& paid) {
  return read_enum(in.outcome(), PaymentOutcome::kPaid, PaymentOutcome::kCreditedToWallet, paid.outcome) &&
         read(in.packet(), paid.packet);
}

void write_answer(const GrabAnswer& grabbed, pb::Answer& out) {
  pb::Grabbed& message = *out.mutable_grabbed();
  message.set_outcome(number_of(grabbed.outcome));
  message.set_ticket(grabbed.ticket);
  message.set_ticket_expires_at_ms(grabbed.ticket_expires_at.unix_ms);
  if (grabbed.share) {
    write(*grabbed.share, *message.mutable_share());
  }
}

bool read_answer(const pb::Grabbed& in, GrabAnswer& grabbed) {
  grabbed.ticket = in.ticket();
  return read_enum(in.outcome(), OpenOutcome::kTicket, OpenOutcome::kNotForYou, grabbed.outcome) &&
         (grabbed.outcome == OpenOutcome::kOpened) == in.has_share() &&
         (grabbed.outcome == OpenOutcome::kTicket) != in.ticket().empty() && in.ticket().size() <= kTokenBytesMax &&
         read_time(in.ticket_expires_at_ms(), grabbed.ticket_expires_at) &&
         (!in.has_share() || read(in.share(), grabbed.share.emplace()));
}

void write_answer(const OpenAnswer& opened, pb::Answer& out) {
  out.mutable_opened()->set_outcome(number_of(opened.outcome));
  if (opened.share) {
    write(*opened.share, *out.mutable_opened()->mutable_share());
  }
}

bool read_answer(const pb::Opened& in, OpenAnswer& opened) {
  return read_enum(in.outcome(), OpenOutcome::kOpened, OpenOutcome::kExpired, opened.outcome) &&
         (opened.outcome == OpenOutcome::kOpened) == in.has_share() &&
         (!in.has_share() || read(in.share(), opened.share.emplace()));
}

void write_answer(const PacketView& view, pb::Answer& out) {
  write(view, *out.mutable_view());
}

bool read_answer(const pb::PacketView& in, PacketView& view) {
  return read(in, view);
}

void write_answer(const SharesPage& page, pb::Answer& out) {
  pb::SharesPage& message = *out.mutable_shares();
  for (size_t i = 0; i < page.shares.size(); ++i) {
    pb::Share& share = *message.add_shares();
    write(page.shares[i], share);
    if (i < page.profiles.size() && page.profiles[i]) {
      write(*page.profiles[i], *share.mutable_profile());
    }
  }
  message.set_luckiest_seq(page.luckiest_seq.value_or(0));
  message.set_next_seq(page.next_seq);
}

bool read_answer(const pb::SharesPage& in, SharesPage& page) {
  if (static_cast<uint32_t>(in.shares_size()) > kSharesPageMax || in.luckiest_seq() > kSharesPerPacketMax ||
      in.next_seq() > kSharesPerPacketMax) {
    return false;
  }
  page.luckiest_seq = in.luckiest_seq() == 0 ? std::nullopt : std::optional(in.luckiest_seq());
  page.next_seq = in.next_seq();
  for (const pb::Share& share : in.shares()) {
    ProfileRef& profile = page.profiles.emplace_back();
    if (!read(share, page.shares.emplace_back()) || (share.has_profile() && !read(share.profile(), profile))) {
      return false;
    }
  }
  return true;
}

template <class Call, class Message>
bool read_what(const Message& in, PacketCall& out) {
  Call call;
  if (!read_call(in, call)) {
    return false;
  }
  out.what = std::move(call);
  return true;
}

bool read_what(const pb::Call& in, PacketCall& out) {
  switch (in.what_case()) {
    case pb::Call::kSend:
      return read_what<SendCall>(in.send(), out);
    case pb::Call::kPay:
      return read_what<PayCall>(in.pay(), out);
    case pb::Call::kNotify:
      return read_what<NotifyCall>(in.notify(), out);
    case pb::Call::kGrab:
      return read_what<GrabCall>(in.grab(), out);
    case pb::Call::kOpen:
      return read_what<OpenCall>(in.open(), out);
    case pb::Call::kView:
      return read_what<ViewCall>(in.view(), out);
    case pb::Call::kShares:
      return read_what<SharesCall>(in.shares(), out);
    case pb::Call::WHAT_NOT_SET:
      break;
  }
  return false;
}

template <class Answer, class Message>
std::optional<Result<PacketAnswer>> answer_from(const Message& in) {
  Answer answer;
  return read_answer(in, answer) ? std::optional<Result<PacketAnswer>>(std::move(answer)) : std::nullopt;
}

}  // namespace

void encode(const PacketCall& call, std::string& out) {
  thread_local pb::Call message;
  message.Clear();
  std::visit([](const auto& what) { write_call(what, message); }, call.what);
  message.set_flow(call.flow);
  message.set_credential(call.proof.credential);
  message.set_body(call.proof.body);
  serialize(message, out);
}

void encode(const Result<PacketAnswer>& answer, std::string& out) {
  thread_local pb::Answer message;
  message.Clear();
  if (answer) {
    std::visit([](const auto& said) { write_answer(said, message); }, *answer);
  } else {
    write_answer(answer.error(), message);
  }
  serialize(message, out);
}

std::optional<PacketCall> decode_call(std::string_view bytes, SteadyTime deadline) {
  thread_local pb::Call message;
  if (!parse(message, bytes)) {
    return std::nullopt;
  }
  PacketCall call;
  call.deadline = deadline;
  call.flow = message.flow();
  call.proof = {message.credential(), message.body()};
  return read_what(message, call) ? std::optional(std::move(call)) : std::nullopt;
}

std::optional<Result<PacketAnswer>> decode_answer(std::string_view bytes) {
  thread_local pb::Answer message;
  if (!parse(message, bytes)) {
    return std::nullopt;
  }
  switch (message.what_case()) {
    case pb::Answer::kFailure: {
      Error error{ErrorCode::kInternal};
      return read_answer(message.failure(), error)
                 ? std::optional<Result<PacketAnswer>>(std::unexpected(std::move(error)))
                 : std::nullopt;
    }
    case pb::Answer::kPreOrder:
      return answer_from<PreOrder>(message.pre_order());
    case pb::Answer::kPaid:
      return answer_from<PaymentAnswer>(message.paid());
    case pb::Answer::kGrabbed:
      return answer_from<GrabAnswer>(message.grabbed());
    case pb::Answer::kOpened:
      return answer_from<OpenAnswer>(message.opened());
    case pb::Answer::kView:
      return answer_from<PacketView>(message.view());
    case pb::Answer::kShares:
      return answer_from<SharesPage>(message.shares());
    case pb::Answer::WHAT_NOT_SET:
      break;
  }
  return std::nullopt;
}

}  // namespace hongbao

// Pay tokens. Lines: a text as a client sends it; an order to seal; a change of its token.
#include "base/check.h"
#include "core/limits.h"
#include "core/pay_token.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

const PayTokenCodec kCodec(kFuzzKey256);
const PayTokenCodec kForeignCodec(Key256{'o', 't', 'h', 'e', 'r'});

Order order_of(FuzzInput& input) {
  Order order;
  order.key = input.packet();
  order.sender = input.user();
  order.kind = static_cast<PacketKind>(1 + input.number_below(3));
  order.rule = static_cast<Rule>(1 + input.number_below(3));
  if (order.kind == PacketKind::kExclusive) {
    order.recipient = input.user();
  }
  order.count = 1 + static_cast<uint32_t>(input.number_below(kSharesPerPacketMax));
  order.total = kShareLeast * order.count + Money(static_cast<int64_t>(input.number_below(2'000'000'000)));
  order.created_at.unix_ms = static_cast<int64_t>(input.number() >> 1);
  order.payable_until.unix_ms = static_cast<int64_t>(input.number() >> 1);
  order.seed.bytes = blake2b(as_bytes(input.line()));
  if (order.count % 2 == 0) {
    order.group = GroupId::trusted(order.sender.text());
  }
  return order;
}

// One token has one spelling: what parses is what `print` makes of the order under the nonce in front.
void check_text(std::string_view text) {
  if (const auto order = kCodec.parse(text)) {
    const std::string sealed = from_base64url(text).value();
    SealNonce nonce;
    std::copy_n(sealed.begin(), nonce.size(), nonce.begin());
    CHECK(kCodec.print(*order, nonce) == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  check_text(input.line());
  const Order order = order_of(input);
  SealNonce nonce{};
  nonce[0] = static_cast<uint8_t>(input.number_below(256));
  const std::string token = kCodec.print(order, nonce);
  CHECK(kCodec.parse(token) == order);
  CHECK(!kForeignCodec.parse(token));
  CHECK(!kCodec.parse(with_one_change(token, input)));
  return 0;
}

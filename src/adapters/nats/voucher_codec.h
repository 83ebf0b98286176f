// Between committed batches and the bytes of a message. Any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/voucher.h"

namespace hongbao::nats {

// REQUIRES: vouchers of one shard, numbered without a gap.
std::string encode_vouchers(ShardId shard, std::span<const Voucher> vouchers);

// nullopt for what is no batch of `shard`, or an empty one. Nothing is believed of the bytes.
std::optional<std::vector<Voucher>> decode_vouchers(ShardId shard, std::string_view bytes);

}  // namespace hongbao::nats

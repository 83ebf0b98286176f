#include "apps/data_checks.h"

#include <fmt/format.h>

#include <filesystem>

#include "adapters/sqlite/order_store.h"

namespace hongbao {
namespace {

constexpr std::string_view kOrderPrefix = "orders-";
constexpr std::string_view kOrderSuffix = ".db";

// No voucher was ever written to it. One that can't be read is not taken to be empty.
bool is_empty(const std::string& file, const std::string& deployment, ShardId shard) {
  const auto store = sqlite::OrderStore::open(file, shard, {deployment, true});
  const auto head = store ? (*store)->head() : std::unexpected(store.error());
  return head && head->next_voucher == ShardHead().next_voucher;
}

}  // namespace

std::string order_file(ShardId shard) {
  return fmt::format("{}{}{}", kOrderPrefix, to_text(shard), kOrderSuffix);
}

Result<void> check_shards(const std::string& data_dir, const std::string& deployment, const std::set<ShardId>& shards) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kOrderPrefix) || !name.ends_with(kOrderSuffix)) {
      continue;
    }
    const auto shard = parse_shard_id(
        std::string_view(name).substr(kOrderPrefix.size(), name.size() - kOrderPrefix.size() - kOrderSuffix.size()));
    if (shard && !shards.contains(*shard) && !is_empty(entry.path().string(), deployment, *shard)) {
      return fail(ErrorCode::kConfig,
                  fmt::format("leaves out shard {}, whose orders are in {}: serve every shard that has orders",
                              to_text(*shard), data_dir),
                  shards.begin()->region == shard->region ? "shards.count" : "region.name");
    }
  }
  return error ? fail(ErrorCode::kConfig, fmt::format("{} can't be listed: {}", data_dir, error.message()), "data.dir")
               : Result<void>();
}

}  // namespace hongbao

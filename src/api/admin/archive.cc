// The part of the admin API that tells where days lie.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api/admin/admin_api.h"
#include "api/json_input.h"
#include "api/public/json_output.h"

namespace hongbao {
namespace {

namespace json = boost::json;

// Days of a shard in one answer; the next ones come with `from`.
constexpr size_t kDaysMax = 1'000;

json::object days_json(const std::vector<StoredDay>& days, Day from) {
  json::array list;
  for (const StoredDay& stored : days) {
    if (stored.part.day < from) {
      continue;
    }
    if (list.size() == kDaysMax) {
      return {{"days", std::move(list)}, {"next_from", stored.part.day.yyyymmdd()}};
    }
    json::object day{{"day", stored.part.day.yyyymmdd()}, {"part", stored.part.number}};
    const DayTotals& totals = stored.totals;
    day["place"] = stored.place == DayPlace::kHot ? "hot" : "cold";
    day["first_voucher"] = totals.least.value;
    day["last_voucher"] = totals.greatest.value;
    if (stored.place != DayPlace::kHot) {
      day["packets"] = totals.packets;
      day["vouchers"] = totals.vouchers;
      day["paid"] = totals.sums.paid.fen();
      day["opened"] = totals.sums.opened.fen();
      day["refunded"] = totals.sums.refunded.fen();
      day["checksum"] = to_hex(totals.checksum);
    }
    list.push_back(std::move(day));
  }
  return {{"days", std::move(list)}};
}

Result<json::object> archive_status(const AdminServices& services) {
  json::array shards;
  for (const auto& [id, store] : services.orders) {
    const auto days = store->days();
    if (!days) {
      return std::unexpected(days.error());
    }
    const auto is_hot = [](const StoredDay& stored) { return stored.place == DayPlace::kHot; };
    const auto hot = static_cast<uint64_t>(std::ranges::count_if(*days, is_hot));
    const auto oldest = std::ranges::find_if(*days, is_hot);
    json::object shard{{"shard", to_text(id)}, {"hot_days", hot}, {"cold_days", days->size() - hot}};
    shard["oldest_hot"] = oldest == days->end() ? "" : oldest->part.day.yyyymmdd();
    shards.push_back(std::move(shard));
  }
  const ArchiveStatus status = services.archiver.status();
  json::object last;
  if (status.at != Timestamp()) {
    last = {
        {"at", to_rfc3339(status.at)}, {"moved", status.moved}, {"waiting", status.waiting}, {"failed", status.failed}};
  }
  return json::object{{"hot_days", services.archiver.options().hot_days},
                      {"running", status.running},
                      {"last_round", std::move(last)},
                      {"shards", std::move(shards)}};
}

}  // namespace

void AdminApi::archive(const RoutedRequest&, ApiCall call) {
  read_on<json::object>(
      services_.workers, [this] { return archive_status(services_); },
      [call = std::move(call)](Result<json::object> status) mutable {
        if (status) {
          call.send_json(http::status::ok, json::serialize(*status));
        } else {
          call.fail_with(status.error());
        }
      });
}

void AdminApi::archived_days(const RoutedRequest& in, ApiCall call) {
  OrderStore* store = nullptr;
  std::optional<Day> from = Day{};
  for (const auto& [key, value] : in.target.query) {
    if (key == "shard") {
      const auto shard = parse_shard_id(value);
      const auto found = shard ? services_.orders.find(*shard) : services_.orders.end();
      store = found == services_.orders.end() ? nullptr : found->second;
    } else {
      from = Day::parse_yyyymmdd(value);
    }
  }
  if (store == nullptr || !from) {
    call.fail_with(store == nullptr
                       ? Error{ErrorCode::kInvalidField, "must be a shard of this deployment, such as s000", "shard"}
                       : Error{ErrorCode::kInvalidField, "must be a day as 20261122", "from"});
    return;
  }
  read_on<std::vector<StoredDay>>(
      services_.workers, [store] { return store->days(); },
      [from = *from, call = std::move(call)](Result<std::vector<StoredDay>> days) mutable {
        if (days) {
          call.send_json(http::status::ok, json::serialize(days_json(*days, from)));
        } else {
          call.fail_with(days.error());
        }
      });
}

void AdminApi::run_archive(const RoutedRequest& in, ApiCall call) {
  if (const auto finished = JsonInput(in.request.body()).finish(); !finished) {
    call.fail_with(finished.error());
    return;
  }
  options_.archive_now();
  call.send_json(http::status::accepted, R"({"started":true})");
}

}  // namespace hongbao

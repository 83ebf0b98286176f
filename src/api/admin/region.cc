// The part of the admin API that tells how this node, its shards and its region stand. Its answers never wait for an
// engine longer than a second.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api/admin/admin_api.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kLookTimeout{1'000};

}  // namespace

void AdminApi::shards(const RoutedRequest&, ApiCall call) {
  read_on<json::array>(
      services_.status_workers,
      [this] { return services_.region.shards(std::chrono::steady_clock::now() + kLookTimeout); },
      [call = std::move(call)](Result<json::array> shards) mutable {
        if (shards) {
          call.send_json(http::status::ok, json::serialize(json::object{{"shards", std::move(*shards)}}));
        } else {
          call.fail_with(shards.error());
        }
      });
}

void AdminApi::region(const RoutedRequest&, ApiCall call) {
  read_on<json::object>(
      services_.status_workers,
      [this] { return services_.region.region(std::chrono::steady_clock::now() + kLookTimeout); },
      [call = std::move(call)](Result<json::object> region) mutable {
        if (region) {
          call.send_json(http::status::ok, json::serialize(*region));
        } else {
          call.fail_with(region.error());
        }
      });
}

}  // namespace hongbao

// The part of the admin API that sets what all nodes do: switches, and the weights of regions.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "api/admin/admin_api.h"
#include "api/json_input.h"
#include "base/log.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

namespace json = boost::json;

json::object switches_json(const Control& control) {
  json::object switches;
  for (int i = 0; i < kSwitches; ++i) {
    const auto which = static_cast<Switch>(i);
    switches[to_text(which)] = control.is_on(which);
  }
  return {{"switches", std::move(switches)}};
}

std::optional<Switch> parse_switch(std::string_view name) {
  for (int i = 0; i < kSwitches; ++i) {
    if (to_text(static_cast<Switch>(i)) == name) {
      return static_cast<Switch>(i);
    }
  }
  return std::nullopt;
}

json::object traffic_json(const Control& control) {
  json::object weights;
  for (const auto& [region, weight] : control.traffic()) {
    weights[region_name(region)] = weight;
  }
  return {{"weights", std::move(weights)}};
}

Result<TrafficWeights> read_weights(const std::string& body, Region only) {
  JsonInput input(body);
  TrafficWeights weights;
  bool any = false;
  for (const auto& entry : input.object("weights")) {
    const auto region = parse_region_name(entry.key());
    const std::string field = fmt::format("weights.{}", std::string_view(entry.key()));
    const int64_t* weight = entry.value().if_int64();
    if (!region || *region != only) {
      input.refuse(field, fmt::format("is not a region of this deployment, which has {}", region_name(only)));
    } else if (weight == nullptr || *weight < 0 || *weight > kWeightMax) {
      input.refuse(field, fmt::format("must be an integer from 0 to {}", kWeightMax));
    } else {
      weights[*region] = static_cast<uint32_t>(*weight);
      any = any || *weight > 0;
    }
  }
  if (!any) {
    input.refuse("weights", "must leave at least one region above 0");
  }
  if (const auto finished = input.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return weights;
}

// Runs `set`, which may wait for an engine, on a thread that may wait, and answers what is set then. Refused when its
// turn comes after the call's deadline.
void set_control(const AdminServices& services, std::move_only_function<Result<void>()> set,
                 json::object (*show)(const Control&), ApiCall call) {
  auto in_time = [set = std::move(set), deadline = call.deadline()]() mutable {
    return std::chrono::steady_clock::now() < deadline
               ? set()
               : fail(ErrorCode::kDeadlineExceeded, "waited too long behind others: nothing was set");
  };
  read_on<void>(services.control_workers, std::move(in_time),
                [&control = services.control, show, call = std::move(call)](Result<void> done) mutable {
                  if (done) {
                    call.send_json(http::status::ok, json::serialize(show(control)));
                  } else {
                    call.fail_with(done.error());
                  }
                });
}

}  // namespace

void AdminApi::get_switches(const RoutedRequest&, ApiCall call) {
  call.send_json(http::status::ok, json::serialize(switches_json(services_.control)));
}

void AdminApi::put_switches(const RoutedRequest& in, ApiCall call) {
  JsonInput input(in.request.body());
  std::vector<std::pair<Switch, bool>> wanted;
  for (const auto& entry : input.object("switches")) {
    const auto which = parse_switch(entry.key());
    const std::string field = fmt::format("switches.{}", std::string_view(entry.key()));
    if (!which) {
      input.refuse(field, "is not a switch");
    } else if (!entry.value().is_bool()) {
      input.refuse(field, "must be true or false");
    } else {
      wanted.emplace_back(*which, entry.value().get_bool());
    }
  }
  if (const auto finished = input.finish(); !finished) {
    call.fail_with(finished.error());
    return;
  }
  auto set = [this, wanted = std::move(wanted), deadline = call.deadline()]() -> Result<void> {
    for (const auto& [which, on] : wanted) {
      if (std::chrono::steady_clock::now() >= deadline) {
        return fail(ErrorCode::kUnavailable, "the control bucket answers too slowly: look, and set it again");
      }
      if (auto done = services_.control.set(which, on); !done) {
        return done;
      }
      log_info("switch_set", {{"switch", to_text(which)}, {"on", on}});
    }
    return {};
  };
  set_control(services_, std::move(set), switches_json, std::move(call));
}

void AdminApi::get_traffic(const RoutedRequest&, ApiCall call) {
  call.send_json(http::status::ok, json::serialize(traffic_json(services_.control)));
}

void AdminApi::put_traffic(const RoutedRequest& in, ApiCall call) {
  const auto weights = read_weights(in.request.body(), options_.region);
  if (!weights) {
    call.fail_with(weights.error());
    return;
  }
  set_control(
      services_, [this, weights = *weights] { return services_.control.set_traffic(weights); }, traffic_json,
      std::move(call));
}

}  // namespace hongbao

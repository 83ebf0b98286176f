#include "opens/system.h"

namespace hongbao::bench {

Result<Measured> open_through_sockets(const SystemOptions& options, const std::vector<std::string>& requests,
                                      Framing framing, Result<Given> (*given_in)(std::string_view answer)) {
  const auto run = run_closed_loop(options.port, options.connections, requests, framing);
  if (!run) {
    return std::unexpected(run.error());
  }
  Measured measured{.given = {}, .latency = run->latency, .seconds = run->seconds};
  for (const std::string& answer : run->answers) {
    const auto given = given_in(answer);
    if (!given) {
      return std::unexpected(given.error());
    }
    measured.given.push_back(*given);
  }
  return measured;
}

}  // namespace hongbao::bench

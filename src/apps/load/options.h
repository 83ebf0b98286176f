// The command line of hongbao-load. One thread, at start.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "apps/load/night.h"

namespace hongbao::load {

enum class Command : uint8_t { kRun, kCheck };
enum class Mode : uint8_t {
  kOpen,    // requests start when the plan says, and latency counts from then
  kClosed,  // a connection sends its next request as soon as the last was answered
};

struct Options {
  Command command = Command::kRun;
  std::string url = "http://127.0.0.1:8080";
  std::string admin_url = "http://127.0.0.1:8081";
  std::string jwt_secret_file;
  std::string admin_token_file;
  std::string history_file;
  std::string json_file;
  NightOptions night;
  uint32_t connections = 64;
  uint32_t threads = 1;
  Mode mode = Mode::kOpen;
  bool progress = true;
  bool live = false;  // check: the load still runs
};

// Options, or the exit code of a process that has printed its help or what is wrong.
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace hongbao::load

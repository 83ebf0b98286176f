#include "base/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <system_error>

#include "base/descriptors.h"
#include "base/log.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kSayMax{2000};

const char* g_name = "hongbao";

// For exceptions that no main can catch: those of other threads. A core file shows where.
[[noreturn]] void end_by_exception() {
  std::string what;
  try {
    if (const auto current = std::current_exception()) {
      std::rethrow_exception(current);
    }
  } catch (const std::exception& error) {
    what = words_of(error);
  } catch (...) {
    what = "of an unknown kind";
  }
  say(fmt::format("ended by an error that nobody handled: {}", what));
  std::abort();
}

// Output is lost when its last part can't be written, and only now is it known.
int finish(int status, bool said) {
  errno = 0;
  std::cout.flush();
  const bool failed = std::ferror(stdout) != 0 || !std::cout;
  if (std::fclose(stdout) == 0 && !failed) {
    return status;
  }
  if (!said) {
    const std::string why = errno != 0 ? ": " + std::generic_category().message(errno) : "";
    say(fmt::format("the output could not be written{}", why));
  }
  return status == kExitDone ? kExitFailed : status;
}

}  // namespace

std::string words_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "there is not enough memory";
  }
  const auto* of_system = dynamic_cast<const std::system_error*>(&error);
  if (of_system != nullptr && of_system->code() == std::errc::resource_unavailable_try_again) {
    return fmt::format("{}: no thread can be started; look at ulimit -u and -v", error.what());
  }
  return error.what();
}

std::string one_line(std::string_view text) {
  const auto byte_at = [text](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t byte = byte_at(i);
    const bool is_c1 = byte == 0xc2 && byte_at(i + 1) >= 0x80 && byte_at(i + 1) < 0xa0;  // in UTF-8
    if (byte == '\n') {
      line += "\\n";
    } else if (byte < ' ' || byte == 0x7f || is_c1) {
      line += fmt::format("\\x{:02x}", is_c1 ? byte_at(++i) : byte);
    } else {
      line += text[i];
    }
  }
  return line;
}

bool say(std::string_view text) {
  (void)flush_log();  // what led to it comes first
  return write_within(STDERR_FILENO, fmt::format("{}: {}\n", g_name, one_line(text)), kSayMax);
}

int complain(const Error& error) {
  say(error.field.empty() ? error.detail : fmt::format("{} {}", error.field, error.detail));
  const bool usage = error.code == ErrorCode::kConfig || error.code == ErrorCode::kInvalidField;
  return usage ? kExitUsage : kExitFailed;
}

int run_program(const char* name, int (*body)(int argc, char** argv), int argc, char** argv) {
  g_name = name;
  if (!guard_standard_descriptors()) {
    return kExitFailed;
  }
  // Writing fails with an error instead, which is looked at.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::set_terminate(end_by_exception);
  int status = kExitFailed;
  bool said = true;  // what an exception was about: perhaps the output itself
  try {
    status = body(argc, argv);
    said = false;
  } catch (const std::exception& error) {
    say(words_of(error));
  } catch (...) {
    say("ended by an unknown error");
  }
  return finish(status, said);
}

}  // namespace hongbao

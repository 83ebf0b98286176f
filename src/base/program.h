// What every program does at its start and at its end, so that none ends without a word or with the wrong one: standard
// descriptors are there, no exception leaves main, what goes wrong is one line on standard error, and output that could
// not be written is a failure. The main thread.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // refused, failed, or its output could not be written
inline constexpr int kExitUsage = 2;   // the command line or the configuration is wrong

// Runs `body`, whose result is the exit status. `name` comes first in all that the program says of itself.
int run_program(const char* name, int (*body)(int argc, char** argv), int argc, char** argv);

// "NAME: TEXT" as one line on standard error, whatever the text holds, behind what was logged. Waits at most three
// seconds for whoever reads; false when it could not be written.
bool say(std::string_view text);

// Says what is wrong, with the key, option or argument first; the exit status that fits the error's kind.
int complain(const Error& error);

// An exception's words, and what to do where the system's own say little.
std::string words_of(const std::exception& error);

// Control characters escaped, so that it is one line on any terminal.
std::string one_line(std::string_view text);

}  // namespace hongbao

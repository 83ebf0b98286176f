// What the command lines of all programs share: numbers in decimal, names and files by their rule, errors as one line,
// --version, and the exit status. The main thread, at start.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace hongbao {

// Adds --version, and parses. Help and version go to standard output, what is wrong to standard error in one line; the
// exit status for those, and none when the program is to go on. REQUIRES: `app` is named like the program.
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv);

// Rules for an option's or an argument's text, to be given to check(). CLI11 itself takes 010 for 8, 0x10 for 16, and
// nan for a number.
CLI::Validator whole_number(uint64_t least, uint64_t most);
// Digits, and perhaps a point and more of them.
CLI::Validator decimal_number(double least, double most);
CLI::Validator user_id();
CLI::Validator packet_id();  // its form: whether it is genuine, only the server knows
CLI::Validator shard_id();
CLI::Validator calendar_day();  // 20261122
CLI::Validator hexadecimal(size_t bytes);
CLI::Validator idempotency_key();
CLI::Validator input_file();  // one that can be read
CLI::Validator http_url();
CLI::Validator not_empty();

}  // namespace hongbao

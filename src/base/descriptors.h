// File descriptors as a process is given them: the three standard ones, how many there may be, how many there are, and
// writing to one that may be shared with others and that perhaps nobody reads. At start, but for write_within: any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace hongbao {

// A program may be started with 0, 1 or 2 closed (`2>&-`), and the next file that it opens would take the number: a
// lock file or a database would get the log. Each that is closed becomes /dev/null, opened so that reading 0 and
// writing 1 or 2 still fail: lost output must not look written. First of all. False when it can't be done.
[[nodiscard]] bool guard_standard_descriptors();

// How many are open.
uint64_t open_descriptors();

// Raises the soft limit as far as the hard one, which it returns: a connection takes a descriptor, and the default soft
// limit of 1,024 is for programs that use select().
uint64_t raise_descriptor_limit();

// No core dumps: they would hold every secret. Without effect on what may be dumped by a debugger.
void forbid_core_dumps();

// Writes as much of `text` as the descriptor takes within `at_most`, and does not wait longer; true when it was all.
bool write_within(int descriptor, std::string_view text, std::chrono::milliseconds at_most);

}  // namespace hongbao

// Files that a command line or a configuration names, read and written without surprises: whatever the path is, there
// is the text or one sentence that says why not, and nothing waits for a FIFO or a terminal. Any thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace hongbao {

// The whole of a regular file. kConfig, in words that follow a file's name: what is missing, a directory, no regular
// file, unreadable, or larger than `bytes_max`.
Result<std::string> read_input_file(const std::string& path, size_t bytes_max);

// A place for a secret: kConfig, in words as above, when everybody on this machine may read or change the file. What is
// not there passes.
Result<void> check_private_file(const std::string& path);

// The same for what is no secret but is trusted: when everybody may change it.
Result<void> check_steady_file(const std::string& path);

// What `read_input_file` checks, without reading.
Result<void> check_input_file(const std::string& path);

// Opens a file for writing, made if need be, and leaves what is in it to the caller, whose the descriptor is. Devices
// are taken as well, and a FIFO that has a reader. kConfig, with the path in its words.
Result<int> open_output_file(const std::string& path);

}  // namespace hongbao

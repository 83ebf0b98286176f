// The trace of a data directory outside of it, in a small file beside the configuration (or, where nothing can be
// written there, beside the data directory): a directory that vanished, with a disk that was not mounted or a path that
// was mistyped, must not begin anew. The owner's thread.
#pragma once

#include <string>

#include "base/result.h"

namespace hongbao {

// Before the directory is touched. kConfig when this configuration had one before, and `data_dir` is none, or another;
// unless the operator wants it so.
Result<void> check_trace(const std::string& config_file, const std::string& data_dir, bool is_new_wanted);

// Once the directory is good. Where no trace can be left, a warning is.
void leave_trace(const std::string& config_file, const std::string& data_dir, const std::string& deployment);

}  // namespace hongbao

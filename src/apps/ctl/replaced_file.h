// A file of secrets, replaced as a whole: whoever reads it meanwhile sees the old one or the new one.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace hongbao {

// kConfig, in words: the file can't be written. Then it is as it was.
Result<void> replace_file(const std::string& path, const std::string& text, mode_t mode);

}  // namespace hongbao

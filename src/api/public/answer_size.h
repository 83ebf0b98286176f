// About how many bytes the answer to a request will have, as far as its target tells: what the server counts as owed to
// a client until the answer is there. Any thread.
#pragma once

#include <cstdint>

#include "net/http/request.h"

namespace hongbao {

int64_t answer_size(const HttpRequest& request);

}  // namespace hongbao

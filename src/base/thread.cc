#include "base/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace hongbao {
namespace {

constexpr size_t kNameLengthMax = 15;
constexpr int kBackgroundNice = 19;  // the least

}  // namespace

void name_this_thread(const std::string& name) {
  (void)pthread_setname_np(pthread_self(), name.substr(0, kNameLengthMax).c_str());
}

void yield_to_users() {
  // On Linux a nice value belongs to a thread. Lowering one's own priority needs no right and does not fail.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kBackgroundNice);
}

}  // namespace hongbao

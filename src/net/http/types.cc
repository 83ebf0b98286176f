#include "net/http/types.h"

#include <utility>

#include "base/check.h"

namespace hongbao {

Reply::Reply(std::shared_ptr<ReplyTarget> target, uint64_t request) : target_(std::move(target)), request_(request) {}
Reply::Reply(Reply&& other) noexcept : target_(std::move(other.target_)), request_(other.request_) {}
Reply& Reply::operator=(Reply&& other) noexcept {
  std::swap(target_, other.target_);
  std::swap(request_, other.request_);
  return *this;
}

Reply::~Reply() {
  if (target_) {
    ReplyTarget& target = *target_;
    target.give_up(std::move(target_), request_);
  }
}

void Reply::send(HttpResponse response) {
  CHECK(target_ != nullptr);
  ReplyTarget& target = *target_;
  target.answer(std::move(target_), request_, std::move(response));
}

}  // namespace hongbao

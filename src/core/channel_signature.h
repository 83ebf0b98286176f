// How a payment channel signs its notifications: `Hongbao-Signature: t=<unix seconds>,v1=<hex>`, where v1 is the
// HMAC-SHA-256, under the channel's secret, of "<t>.<body>" with t as it is written. The time bounds how long a copied
// notification works.
//
// A channel that changes its secret signs with both for a while, `t=…,v1=<hex>,v1=<hex>`, and we may know two; any
// match counts. Elements of other names are signatures of other schemes, and are ignored. Pure; any thread.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"

namespace hongbao {

inline constexpr std::string_view kSignatureHeader = "Hongbao-Signature";
inline constexpr std::chrono::minutes kNotificationAgeMax{5};  // and as much into the future
inline constexpr size_t kSignaturesMax = 8;                    // of one notification

// The header's value, for the channel's side and for tests. `at` counts in whole seconds.
std::string sign_notification(std::string_view secret, Timestamp at, std::string_view body);

// Under any of the secrets. `body`: as it came, byte for byte. kSignatureInvalid, or kNotificationStale for a signature
// that is good and more than kNotificationAgeMax and `leeway` from `now`.
Result<void> check_notification(std::span<const std::string> secrets, std::string_view header, std::string_view body,
                                Timestamp now, std::chrono::seconds leeway = {});

}  // namespace hongbao

// JSON Web Key Sets: the whole input is a file's text.
#include <boost/json.hpp>

#include "api/jwks.h"
#include "base/check.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

namespace json = boost::json;

// What is taken says what it must, to a careless reader too.
void check_key(const TokenKey& key, const json::object& object) {
  static const std::string kinds[kTokenAlgorithms] = {"oct", "EC", "OKP"};
  CHECK(object.at("kid").as_string() == key.id() && !key.id().empty() && key.id().size() <= kKeyIdLengthMax);
  CHECK(object.at("kty").as_string() == kinds[static_cast<size_t>(key.algorithm())]);
  CHECK(!object.contains("alg") || object.at("alg").as_string() == to_text(key.algorithm()));
  CHECK(!object.contains("use") || object.at("use").as_string() == "sig");
  CHECK(key.algorithm() == TokenAlgorithm::kHs256 || !object.contains("d"));
  CHECK(!key.has_signed("text", {}) && !key.has_signed("text", as_bytes(std::string(64, '\0'))));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const FuzzInput input(data, size);
  const auto keys = parse_jwks(input.rest());
  if (!keys) {  // one line for the log
    CHECK(keys.error().code == ErrorCode::kConfig && !keys.error().detail.empty());
    CHECK(keys.error().detail.find('\n') == std::string::npos);
    return 0;
  }
  CHECK(!keys->empty() && keys->size() <= kJwksKeysMax);
  const json::value set = json::parse(input.rest());
  const json::array& list = set.at("keys").as_array();
  CHECK(list.size() == keys->size());
  for (size_t i = 0; i < keys->size(); ++i) {
    check_key((*keys)[i], list[i].as_object());
    for (size_t j = 0; j < i; ++j) {
      CHECK((*keys)[i].id() != (*keys)[j].id() && !(*keys)[i].is_same_material((*keys)[j]));
    }
  }
  CHECK(parse_jwks(input.rest()).value() == *keys);
  return 0;
}

#include "api/json_input.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

namespace hongbao {
namespace {

// "code field" of the first broken rule, or "" when there is none.
std::string verdict(const JsonInput& input) {
  const auto done = input.finish();
  if (done) {
    return "";
  }
  switch (done.error().code) {
    case ErrorCode::kMalformedJson:
      return "malformed " + done.error().field;
    case ErrorCode::kInvalidField:
      return "invalid " + done.error().field;
    case ErrorCode::kUnknownField:
      return "unknown " + done.error().field;
    default:
      return "?";
  }
}

std::string integer_verdict(std::string_view value, int64_t least = 1, int64_t most = 100) {
  JsonInput input(fmt::format(R"({{"n":{}}})", value));
  (void)input.integer("n", least, most);
  return verdict(input);
}

std::string text_verdict(std::string_view value, size_t bytes_max = 8) {
  JsonInput input(fmt::format(R"({{"t":{}}})", value));
  (void)input.text("t", bytes_max);
  return verdict(input);
}

TEST(JsonInput, ReadsWhatIsThere) {
  JsonInput input(R"({"n":-7,"m":250,"t":"红包","o":{"a":1}})");
  EXPECT_EQ(input.integer("n", -10, 10), -7);
  EXPECT_EQ(input.money("m", Money(1), Money(1'000)), Money(250));
  EXPECT_EQ(input.text("t", 6), "红包");
  EXPECT_EQ(input.object("o").at("a").as_int64(), 1);
  EXPECT_EQ(input.optional_text("absent", 6), std::nullopt);
  EXPECT_EQ(verdict(input), "");
}

TEST(JsonInput, IntegersStayInTheirRange) {
  EXPECT_EQ(integer_verdict("1"), "");
  EXPECT_EQ(integer_verdict("100"), "");
  EXPECT_EQ(integer_verdict("0"), "invalid n");
  EXPECT_EQ(integer_verdict("101"), "invalid n");
  EXPECT_EQ(integer_verdict("-1"), "invalid n");
  EXPECT_EQ(integer_verdict("9223372036854775807", 0, INT64_MAX), "");
  EXPECT_EQ(integer_verdict("-9223372036854775808", INT64_MIN, 0), "");
}

TEST(JsonInput, IntegersBeyond64BitsAreRefusedAndNotWrapped) {
  for (const char* value : {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                            "18446744073709551617", "-9223372036854775809", "1000000000000000000000000000001"}) {
    EXPECT_EQ(integer_verdict(value, INT64_MIN, INT64_MAX), "invalid n") << value;
  }
}

TEST(JsonInput, FractionsAndExponentsAreNoIntegers) {
  for (const char* value : {"1.0", "1.5", "1e1", "10E0", "1e-1", "0.0", "1e400"}) {
    EXPECT_EQ(integer_verdict(value), "invalid n") << value;
  }
}

TEST(JsonInput, OtherTypesAreNoIntegers) {
  for (const char* value : {R"("5")", "true", "false", "[5]", R"({"n":5})", "null"}) {
    EXPECT_EQ(integer_verdict(value), "invalid n") << value;
  }
}

TEST(JsonInput, OtherTypesAreNoText) {
  for (const char* value : {"5", "true", R"(["a"])", R"({"a":1})", "null", "1.5"}) {
    EXPECT_EQ(text_verdict(value), "invalid t") << value;
  }
}

TEST(JsonInput, TextIsBoundedInBytes) {
  EXPECT_EQ(text_verdict(R"("12345678")"), "");
  EXPECT_EQ(text_verdict(R"("123456789")"), "invalid t");
  EXPECT_EQ(text_verdict(R"("红包红")"), "invalid t");
}

TEST(JsonInput, NullAndAbsentReadTheSame) {
  JsonInput input(R"({"t":null})");
  EXPECT_EQ(input.optional_text("t", 8), std::nullopt);
  EXPECT_EQ(input.optional_text("u", 8), std::nullopt);
  EXPECT_EQ(verdict(input), "");
}

TEST(JsonInput, ARequiredFieldMustBeThere) {
  JsonInput input("{}");
  (void)input.integer("n", 0, 1);
  EXPECT_EQ(verdict(input), "invalid n");
  EXPECT_EQ(input.finish().error().detail, "is required");
}

TEST(JsonInput, AnObjectMustBeOne) {
  for (const char* value : {"[]", "1", R"("x")", "null", "true"}) {
    JsonInput input(fmt::format(R"({{"o":{}}})", value));
    EXPECT_TRUE(input.object("o").empty());
    EXPECT_EQ(verdict(input), "invalid o") << value;
  }
}

TEST(JsonInput, AFieldNobodyAskedForIsRefused) {
  JsonInput input(R"({"n":1,"amonut":2})");
  (void)input.integer("n", 0, 1);
  EXPECT_EQ(verdict(input), "unknown amonut");
}

TEST(JsonInput, TheFirstBrokenRuleIsKept) {
  JsonInput input(R"({"a":"x","b":"y","c":1})");
  (void)input.integer("a", 0, 1);
  (void)input.integer("b", 0, 1);
  input.refuse("d", "is late");
  EXPECT_EQ(verdict(input), "invalid a");
}

TEST(JsonInput, AnEmptyBodyIsAnEmptyObject) {
  EXPECT_EQ(verdict(JsonInput("")), "");
  EXPECT_EQ(verdict(JsonInput("{}")), "");
  EXPECT_EQ(verdict(JsonInput(" \n{ } ")), "");
}

TEST(JsonInput, WhatIsNoObjectIsMalformed) {
  for (const char* body : {"[]", "1", "null", "\"x\"", "true", "[{}]"}) {
    EXPECT_EQ(verdict(JsonInput(body)), "malformed body") << body;
  }
}

TEST(JsonInput, WhatIsNoJsonIsMalformed) {
  for (const char* body : {"{", "}", "{\"a\":}", "{\"a\" 1}", "{'a':1}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":+1}",
                           "{\"a\":NaN}", "{} {}", "{}x", "// c\n{}", "{\"a\":\"\t\"}", " "}) {
    EXPECT_EQ(verdict(JsonInput(body)), "malformed body") << body;
  }
}

TEST(JsonInput, BrokenUtf8IsMalformed) {
  for (const char* text : {"\xff", "\xc3", "\xe7\xba", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80"}) {
    EXPECT_EQ(verdict(JsonInput(fmt::format("{{\"t\":\"{}\"}}", text))), "malformed body");
    EXPECT_EQ(verdict(JsonInput(fmt::format("{{\"{}\":1}}", text))), "malformed body");
  }
}

TEST(JsonInput, HalfASurrogatePairIsMalformed) {
  EXPECT_EQ(verdict(JsonInput(R"({"t":"\ud83e"})")), "malformed body");
  EXPECT_EQ(verdict(JsonInput(R"({"t":"\udde7x"})")), "malformed body");
}

TEST(JsonInput, AFieldNamedTwiceIsMalformed) {
  for (const char* body : {R"({"a":1,"a":2})", R"({"a":1,"a":1})", R"({"a":1,"b":2,"a":null})", R"({"a":1,"\u0061":2})",
                           R"({"a":{"b":1,"b":2}})", R"({"a":[{"b":1},{"b":1,"b":2}]})", R"({"":1,"":2})"}) {
    EXPECT_EQ(verdict(JsonInput(body)), "malformed body") << body;
  }
}

TEST(JsonInput, EqualNamesThatAreSpeltDifferentlyAreTwice) {
  for (const char* body : {R"({"\u0061":1,"\u0061":2})", R"({"ab":1,"\u0061b":2})", R"({"a\u0062":1,"ab":2})",
                           R"({"\/":1,"/":2})", R"({"\n":1,"\u000a":2})", R"({"红":1,"\u7ea2":2})",
                           R"({"🧧":1,"\ud83e\udde7":2})", R"({"\u0000":1,"\u0000":2})"}) {
    EXPECT_EQ(verdict(JsonInput(body)), "malformed body") << body;
    EXPECT_EQ(JsonInput(body).finish().error().detail, "must not name a field twice") << body;
  }
}

TEST(JsonInput, ANameTwiceIsFoundAtAnyPlaceAndDepth) {
  for (const char* body :
       {R"({"o":{"a":{"b":{"c":1,"d":[],"c":2}}}})", R"({"o":{"a":1},"p":{"a":1},"o":{}})",
        R"({"l":[{"a":1},[{"b":1},{"c":1,"c":1}]]})", R"({"l":[[],{}],"m":{"a":[],"a":{}}})",
        R"({"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1,"y":{"x":1},"x":1}]})", R"({"a":"a","b":"b","a":"c"})"}) {
    EXPECT_EQ(JsonInput(body).finish().error().detail, "must not name a field twice") << body;
  }
}

TEST(JsonInput, ANameMayBeAnothersBeginning) {
  for (const char* body :
       {R"({"a":1,"aa":2,"":3,"A":4})", R"({"\u0061":1,"\u0061\u0061":2})", R"({"a":1,"a\u0000":2})"}) {
    EXPECT_EQ(verdict(JsonInput(body)).substr(0, 7), "unknown") << body;
  }
}

TEST(JsonInput, NestedValuesAreReadAsTheyStand) {
  const std::string body =
      R"({"o":{"l":[1,"zwei",{"a":[],"b":{}},[null,true,-2.5]],"t":"a\"\\\u7ea2b","u":18446744073709551615},"n":1})";
  JsonInput input(body);
  EXPECT_EQ(boost::json::serialize(input.object("o")),
            R"({"l":[1,"zwei",{"a":[],"b":{}},[null,true,-2.5E0]],"t":"a\"\\红b","u":18446744073709551615})");
  EXPECT_EQ(input.integer("n", 1, 1), 1);
  EXPECT_EQ(verdict(input), "");
}

TEST(JsonInput, ManyFieldsAreReadEachOnce) {
  std::string body = "{";
  for (int i = 0; i < 500; ++i) {
    body += fmt::format(R"("field{}":{},)", i, i);
  }
  JsonInput once(body + R"("last":{"field0":1}})");
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(once.integer(fmt::format("field{}", i), 0, 500), i);
  }
  EXPECT_EQ(JsonInput(body + R"("field250":1})").finish().error().detail, "must not name a field twice");
}

TEST(JsonInput, OneNameInSeveralObjectsIsNotTwice) {
  for (const char* body : {R"({"a":{"a":{"a":1}}})", R"({"a":[{"b":1},{"b":2}]})", R"({"a":":","b":"\":\\"})",
                           R"({":\":":1,"\\":2})", R"({ "a" : ":" , "b" : [ ] })"}) {
    EXPECT_NE(verdict(JsonInput(body)), "malformed body") << body;
  }
}

TEST(JsonInput, DepthIsBounded) {
  const auto nested = [](int depth) {
    return fmt::format(R"({{"a":{}{}}})", std::string(static_cast<size_t>(depth), '['),
                       std::string(static_cast<size_t>(depth), ']'));
  };
  EXPECT_EQ(verdict(JsonInput(nested(4))), "unknown a");
  EXPECT_EQ(verdict(JsonInput(nested(9))), "malformed body");
  EXPECT_EQ(verdict(JsonInput(nested(8'000))), "malformed body");
}

}  // namespace
}  // namespace hongbao

#include "base/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hongbao {
namespace {

std::string file_with(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("hongbao_config_test_" + std::to_string(::getpid()));
  std::ofstream(path) << text;
  return path.string();
}

// Whoever runs the tests may have options for others of them.
[[maybe_unused]] const bool kCleared = [] {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (text.starts_with("HONGBAO_")) {
      names.push_back(text.substr(0, text.find('=')));
    }
  }
  for (const std::string& name : names) {
    ::unsetenv(name.c_str());
  }
  return true;
}();

TEST(SecretFileTest, IsRefusedWhenEverybodyMayReadIt) {
  const std::string path = file_with(" secret\n");
  using std::filesystem::perms;
  for (const perms open : {perms::others_read, perms::others_write}) {
    std::filesystem::permissions(path, perms::owner_read | perms::owner_write | open);
    const auto refused = read_secret_file(path, "auth.jwt_secret_file");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "auth.jwt_secret_file");
    EXPECT_NE(refused.error().detail.find("chmod o="), std::string::npos);
  }
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write | perms::group_read);
  EXPECT_EQ(read_secret_file(path, "auth.jwt_secret_file").value(), "secret");
}

// A variable for one test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Config, FlagsWinOverEnvironmentOverFile) {
  const std::string path = file_with("[server]\nio_threads = 2\nlisten = \"a\"\nname = \"f\"\n");
  const Variable variable("HONGBAO_SERVER_LISTEN", "b");
  auto reader = ConfigReader::load(path, {{"server.name", "g"}});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->integer("server.io_threads", 1, 1, 64), 2);
  EXPECT_EQ(reader->text("server.listen", ""), "b");
  EXPECT_EQ(reader->text("server.name", ""), "g");
  EXPECT_TRUE(reader->finish());
}

TEST(Config, NamesTheKeyThatBreaksItsRule) {
  auto reader = ConfigReader::load(file_with("[shards]\ncount = 0\n"), {});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->integer("shards.count", 4, 1, 999), 4);
  const auto finished = reader->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().field, "shards.count");
  EXPECT_NE(finished.error().detail.find("from 1 to 999"), std::string::npos);
}

TEST(Config, RefusesAKeyNobodyKnows) {
  auto reader = ConfigReader::load(file_with("[shards]\ncuont = 4\n"), {});
  ASSERT_TRUE(reader);
  reader->integer("shards.count", 4, 1, 999);
  ASSERT_FALSE(reader->finish());
  EXPECT_EQ(reader->finish().error().field, "shards.cuont");
}

TEST(Config, RefusesAFileThatIsNotToml) {
  const auto reader = ConfigReader::load(file_with("[shards\n"), {});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kConfig);
}

TEST(Config, APathIsWhatIsWrittenAndBeginsAtTheFile) {
  const std::string file = file_with("[data]\ndir = \"a b /../c?d#e%f\"\n");
  const std::string directory = std::filesystem::path(file).parent_path().string() + "/";
  auto reader = ConfigReader::load(file, {{"x.flag", "./~"}, {"x.absolute", "//x/../y/"}});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->file(), file);
  EXPECT_EQ(reader->required_path("data.dir"), directory + "a b /../c?d#e%f");
  EXPECT_EQ(reader->path("x.flag", ""), directory + "./~");
  EXPECT_EQ(reader->path("x.absolute", ""), "//x/../y/");
  EXPECT_EQ(reader->path("x.none", ""), "");
  EXPECT_TRUE(reader->finish());
}

TEST(Config, APathThatItsWriterMeantOtherwiseIsRefused) {
  for (const std::string path : {"~", "~/data", "~bob/data", "$HOME/data", "file:data", "a\nb", "a\tb"}) {
    auto reader = ConfigReader::load("", {{"data.dir", path}});
    ASSERT_TRUE(reader);
    (void)reader->path("data.dir", "");
    const auto finished = reader->finish();
    ASSERT_FALSE(finished) << path;
    EXPECT_EQ(finished.error().field, "data.dir");
    EXPECT_EQ(finished.error().detail.find('\n'), std::string::npos);
  }
}

TEST(Config, RefusesAVariableThatNamesNoKey) {
  const Variable variable("HONGBAO_SHARDS_CUONT", "4");
  const Variable file("HONGBAO_CONFIG", "names the file");
  const Variable others("HONGBAO", "not ours");
  auto reader = ConfigReader::load("", {});
  ASSERT_TRUE(reader);
  reader->integer("shards.count", 4, 1, 999);
  ASSERT_FALSE(reader->finish());
  EXPECT_EQ(reader->finish().error().field, "HONGBAO_SHARDS_CUONT");
}

TEST(Config, AVariableGivesTheValueOfAChildThatTheFileNames) {
  const Variable variable("HONGBAO_CHANNELS_DEMO-X_SECRET_FILE", "b");
  auto reader = ConfigReader::load(file_with("[channels.demo-x]\nsecret_file = \"a\"\n"), {});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->children("channels"), std::vector<std::string>{"demo-x"});
  EXPECT_EQ(reader->text("channels.demo-x.secret_file", ""), "b");
  EXPECT_TRUE(reader->finish());
}

TEST(Config, RefusesAVariableThatMayMeanTwoKeys) {
  const std::string file = file_with("[channels.demo]\nk = \"a\"\n[channels.Demo]\nk = \"b\"\n");
  const auto read = [&] {
    auto reader = ConfigReader::load(file, {});
    reader->text("channels.demo.k", "");
    reader->text("channels.Demo.k", "");
    return reader->finish();
  };
  EXPECT_TRUE(read());
  const Variable variable("HONGBAO_CHANNELS_DEMO_K", "c");
  ASSERT_FALSE(read());
  EXPECT_EQ(read().error().field, "HONGBAO_CHANNELS_DEMO_K");
}

TEST(Config, TakesDecimalIntegersOnly) {
  for (const char* text : {"", "0x10", "010", "+5", "1e3", "1_000", " 4", "4 "}) {
    const Variable variable("HONGBAO_SHARDS_COUNT", text);
    auto reader = ConfigReader::load("", {});
    ASSERT_TRUE(reader);
    reader->integer("shards.count", 4, 1, 999);
    ASSERT_FALSE(reader->finish()) << text;
    EXPECT_EQ(reader->finish().error().field, "shards.count");
  }
}

TEST(Config, RefusesAQuotedNameThatLooksLikeAnotherKey) {
  const auto reader = ConfigReader::load(file_with("\"shards.count\" = 4\n"), {});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().field, "shards.count");
}

TEST(Config, RefusesWhatIsNoFileInWordsThatNameIt) {
  const auto reader = ConfigReader::load("/tmp", {});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().field, "--config");
  EXPECT_EQ(reader.error().detail, "/tmp is a directory, not a file: give a TOML file");
}

TEST(Config, ListsChildren) {
  auto reader = ConfigReader::load(file_with("[channels.a]\nk = 1\n[channels.b]\nk = 2\n"), {});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->children("channels"), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace hongbao

#include "base/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hongbao {
namespace {

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::kConfig, std::move(detail));
}

std::string words(int error) {
  return error == ENOENT ? "does not exist" : "cannot be read: " + std::generic_category().message(error);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

Result<Descriptor> open_input(const std::string& path) {
  if (path.empty() || path.contains('\0')) {
    return refuse("is an empty name");
  }
  // O_NONBLOCK: a FIFO is opened without waiting for who writes it, to be refused.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) {
    return refuse(words(errno));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) {
    return refuse(words(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return refuse("is a directory, not a file");
  }
  if (!S_ISREG(status.st_mode)) {
    return refuse("is not a regular file");
  }
  return file;
}

bool is_open_to_all(const std::string& path, mode_t rights) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & rights) != 0;
}

}  // namespace

Result<std::string> read_input_file(const std::string& path, size_t bytes_max) {
  const auto file = open_input(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  std::string text;
  std::array<char, 64UL * 1024> part{};
  while (true) {
    const ssize_t count = ::read(file->get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return refuse(words(errno));
    }
    if (count == 0) {
      return text;
    }
    text.append(part.data(), static_cast<size_t>(count));
    if (text.size() > bytes_max) {
      return refuse(fmt::format("is larger than {} bytes", bytes_max));
    }
  }
}

Result<void> check_input_file(const std::string& path) {
  const auto file = open_input(path);
  return file ? Result<void>() : std::unexpected(file.error());
}

Result<int> open_output_file(const std::string& path) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
  const int file = path.empty() ? -1 : ::open(path.c_str(), flags | O_NONBLOCK, 0644);
  if (file < 0 || ::fcntl(file, F_SETFL, O_APPEND) != 0) {
    const int error = path.empty() ? ENOENT : errno;
    return refuse(fmt::format("{} cannot be written: {}", path,
                              error == ENXIO ? "nobody reads this FIFO" : std::generic_category().message(error)));
  }
  return file;
}

Result<void> check_private_file(const std::string& path) {
  return is_open_to_all(path, S_IRWXO) ? refuse("everybody on this machine may use: chmod o= it") : Result<void>();
}

Result<void> check_steady_file(const std::string& path) {
  return is_open_to_all(path, S_IWOTH) ? refuse("everybody on this machine may change: chmod o-w it") : Result<void>();
}

}  // namespace hongbao

#include "service/cache_record.h"

#include "base/crypto.h"

namespace hongbao {
namespace {

constexpr size_t kChecksumBytes = 8;

// Against damage and mix-ups, not against forgery: whoever can write to the cache can show what they like. The cache
// key takes part as the hash's key, so a record under another key is damaged.
std::string checksum(std::string_view bytes, std::string_view key) {
  static constexpr Key128 kNoSecret{};
  uint64_t hash = siphash64(siphash128(kNoSecret, as_bytes(key)), as_bytes(bytes));
  std::string text;
  for (size_t i = 0; i < kChecksumBytes; ++i, hash >>= 8) {
    text.push_back(static_cast<char>(hash & 0xff));
  }
  return text;
}

}  // namespace

void RecordWriter::number(uint64_t value) {
  for (; value >= 0x80; value >>= 7) {
    bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
  }
  bytes_.push_back(static_cast<char>(value));
}

void RecordWriter::text(std::string_view value) {
  number(value.size());
  bytes_ += value;
}

std::string RecordWriter::finish() && {
  bytes_ += checksum(bytes_, key_);
  return std::move(bytes_);
}

RecordReader::RecordReader(std::string_view bytes, RecordLayout layout, std::string_view key) {
  if (bytes.size() <= kChecksumBytes || bytes.front() != static_cast<char>(layout)) {
    return;
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  good_ = checksum(body, key) == bytes.substr(body.size());
  left_ = body.substr(1);
}

uint64_t RecordReader::number(uint64_t greatest) {
  uint64_t value = 0;
  for (int shift = 0; good_ && shift < 64; shift += 7) {
    if (left_.empty()) {
      break;
    }
    const auto byte = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      good_ = value <= greatest;
      return good_ ? value : 0;
    }
  }
  good_ = false;
  return 0;
}

std::string_view RecordReader::text() {
  const uint64_t size = number(left_.size());
  good_ = good_ && size <= left_.size();
  if (!good_) {
    return {};
  }
  const std::string_view value = left_.substr(0, size);
  left_.remove_prefix(size);
  return value;
}

}  // namespace hongbao

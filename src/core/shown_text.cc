#include "core/shown_text.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

namespace hongbao {
namespace {

constexpr char32_t kNonJoiner = 0x200c;
constexpr char32_t kJoiner = 0x200d;
constexpr char32_t kMongolianVowelSeparator = 0x180e;
constexpr char32_t kEmojiVariation = 0xfe0f;
constexpr char32_t kTagFirst = 0xe0020;
constexpr char32_t kTagEnd = 0xe007f;
constexpr size_t kTagsMax = 33;  // of one emoji, with their end
constexpr uint8_t kVirama = 9;   // canonical combining class

std::u32string decode(std::string_view utf8) {
  std::u32string text;
  text.reserve(utf8.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(utf8.data());
  const auto size = static_cast<int32_t>(utf8.size());
  for (int32_t at = 0; at < size;) {
    UChar32 c = 0;
    U8_NEXT(bytes, at, size, c);
    if (c >= 0) {  // else ill-formed
      text.push_back(static_cast<char32_t>(c));
    }
  }
  return text;
}

void append_utf8(std::string& utf8, char32_t c) {
  std::array<uint8_t, U8_MAX_LENGTH> bytes{};
  size_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, c);
  utf8.append(bytes.begin(), bytes.begin() + size);
}

std::string encode(std::u32string_view text) {
  std::string utf8;
  utf8.reserve(text.size());
  for (const char32_t c : text) {
    append_utf8(utf8, c);
  }
  return utf8;
}

bool has(char32_t c, UProperty property) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), property) != 0;
}
int property(char32_t c, UProperty which) {
  return u_getIntPropertyValue(static_cast<UChar32>(c), which);
}
bool is_category(char32_t c, uint32_t mask) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & mask) != 0;
}
UScriptCode script_of(char32_t c) {
  UErrorCode error = U_ZERO_ERROR;
  return uscript_getScript(static_cast<UChar32>(c), &error);
}

bool is_mark(char32_t c) {
  return is_category(c, U_GC_M_MASK);
}
bool is_tag(char32_t c) {
  return c >= kTagFirst && c <= kTagEnd;
}
// May stay where its neighbours need it.
bool depends_on_neighbours(char32_t c) {
  return c == kJoiner || c == kNonJoiner || c == kMongolianVowelSeparator || is_tag(c);
}

// Never stays.
bool is_control(char32_t c) {
  if (is_category(c, U_GC_CC_MASK | U_GC_CS_MASK | U_GC_ZL_MASK | U_GC_ZP_MASK)) {
    return true;
  }
  if (is_category(c, U_GC_CF_MASK)) {
    const bool is_seen = has(c, UCHAR_PREPENDED_CONCATENATION_MARK) || script_of(c) == USCRIPT_EGYPTIAN_HIEROGLYPHS;
    return !is_seen && !depends_on_neighbours(c);
  }
  return is_category(c, U_GC_CN_MASK) &&
         (has(c, UCHAR_NONCHARACTER_CODE_POINT) || has(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT));
}

// A letter, or a mark on one, of a script whose letters take other shapes beside each other.
bool takes_shapes(char32_t c) {
  if (!is_category(c, U_GC_L_MASK | U_GC_M_MASK)) {
    return false;
  }
  const int joining = property(c, UCHAR_JOINING_TYPE);
  return (joining != U_JT_NON_JOINING && joining != U_JT_TRANSPARENT) || script_of(c) == USCRIPT_ARABIC ||
         property(c, UCHAR_INDIC_SYLLABIC_CATEGORY) != U_INSC_OTHER;
}

// The last character that is not a mark which joining looks through; 0: there is none.
char32_t last_base(std::u32string_view text) {
  const auto is_transparent = [](char32_t c) {
    return is_mark(c) && property(c, UCHAR_JOINING_TYPE) == U_JT_TRANSPARENT &&
           property(c, UCHAR_INDIC_SYLLABIC_CATEGORY) == U_INSC_OTHER;
  };
  while (!text.empty() && is_transparent(text.back())) {
    text.remove_suffix(1);
  }
  return text.empty() ? 0 : text.back();
}

bool ends_with_pictograph(std::u32string_view text) {
  while (!text.empty() && (text.back() == kEmojiVariation || has(text.back(), UCHAR_EMOJI_MODIFIER))) {
    text.remove_suffix(1);
  }
  return !text.empty() && has(text.back(), UCHAR_EXTENDED_PICTOGRAPHIC);
}

// Whether a joiner, a non-joiner or a vowel separator has a use between what stands before it and `next` (0: nothing).
bool is_of_use(char32_t c, std::u32string_view before, char32_t next) {
  const char32_t base = last_base(before);
  if (c == kMongolianVowelSeparator) {
    return script_of(base) == USCRIPT_MONGOLIAN && script_of(next) == USCRIPT_MONGOLIAN &&
           is_category(next, U_GC_L_MASK);
  }
  if (c == kJoiner && ends_with_pictograph(before) && has(next, UCHAR_EXTENDED_PICTOGRAPHIC)) {
    return true;
  }
  if (!before.empty() && u_getCombiningClass(static_cast<UChar32>(before.back())) == kVirama) {
    return true;  // it shows the virama, or a half letter, also at the end of a word
  }
  const int joining = property(base, UCHAR_JOINING_TYPE);
  const bool joins_next = joining == U_JT_DUAL_JOINING || joining == U_JT_LEFT_JOINING;
  return takes_shapes(base) && (takes_shapes(next) || (c == kJoiner && joins_next));
}

// The tags at the beginning of `text`, up to an end of them.
std::u32string_view tags_of(std::u32string_view text) {
  size_t size = 0;
  while (size < text.size() && is_tag(text[size])) {
    if (text[size++] == kTagEnd) {
      break;
    }
  }
  return text.substr(0, size);
}

std::u32string without_useless(std::u32string_view text) {
  std::u32string kept;
  kept.reserve(text.size());
  while (!text.empty()) {
    const char32_t c = text.front();
    size_t length = 1;
    bool keep = true;
    if (is_tag(c)) {
      const std::u32string_view tags = tags_of(text);
      length = tags.size();
      keep = ends_with_pictograph(kept) && tags.back() == kTagEnd && length >= 2 && length <= kTagsMax;
    } else if (depends_on_neighbours(c)) {
      keep = is_of_use(c, kept, text.size() > 1 ? text[1] : 0);
    }
    if (keep) {
      kept += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return kept;
}

// They have a category of what is seen, and show nothing.
bool is_blank_symbol(char32_t c) {
  return c == 0x2800 || c == 0xfffc || c == 0x13441 || c == 0x13442 || c == 0x1d159;
}

}  // namespace

std::string without_controls(std::string_view utf8) {
  if (std::ranges::all_of(utf8, [](char c) { return c >= 0x20 && c < 0x7f; })) {
    return std::string(utf8);
  }
  std::u32string text = decode(utf8);
  std::erase_if(text, is_control);
  return encode(without_useless(text));
}

bool shows_anything(std::string_view utf8) {
  return std::ranges::any_of(decode(utf8), [](char32_t c) {
    return !is_control(c) && !is_mark(c) && !is_blank_symbol(c) && !has(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) &&
           !has(c, UCHAR_WHITE_SPACE) && (!is_category(c, U_GC_CF_MASK) || has(c, UCHAR_PREPENDED_CONCATENATION_MARK));
  });
}

size_t count_characters(std::string_view utf8) {
  // Every byte that does not continue a character begins one.
  return static_cast<size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace hongbao

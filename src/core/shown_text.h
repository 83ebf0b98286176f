// What people write for others to see, as greetings and nicknames: which characters it may have, by Unicode's
// properties (UAX #44; the Unicode version is that of Debian's ICU). Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hongbao {

// Without what is control or format: categories Cc, Cf, Zl, Zp, noncharacters, what is ill-formed, and unassigned
// characters that are not to be shown. What a script or an emoji needs stays where it is needed: joiners between
// letters that join, the Mongolian vowel separator, joiners and tags inside emoji sequences, signs that enclose
// numbers. So does what this Unicode version does not know yet.
std::string without_controls(std::string_view utf8);

// False when all of it is spaces, marks without a letter, and what is not to be shown.
bool shows_anything(std::string_view utf8);

// Unicode code points. REQUIRES: well-formed UTF-8.
size_t count_characters(std::string_view utf8);

}  // namespace hongbao

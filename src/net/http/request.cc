#include "net/http/request.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>

namespace hongbao {

void HttpRequest::clear() {
  method_ = http::verb::unknown;
  version_ = 0;
  target_.clear();
  body_.clear();
  text_.clear();
  headers_.clear();
}

std::string_view HttpRequest::name_of(const Header& header) const {
  return std::string_view(text_).substr(header.name_at, header.value_at - header.name_at);
}

std::string_view HttpRequest::value_of(const Header& header) const {
  return std::string_view(text_).substr(header.value_at, header.end - header.value_at);
}

std::string_view HttpRequest::header(http::field name) const {
  const auto found = std::ranges::find(headers_, name, &Header::field);
  return found == headers_.end() ? std::string_view() : value_of(*found);
}

std::optional<std::string_view> HttpRequest::find_header(std::string_view name) const {
  const auto found = std::ranges::find_if(
      headers_, [&](const Header& header) { return boost::beast::iequals(name_of(header), name); });
  return found == headers_.end() ? std::nullopt : std::optional(value_of(*found));
}

size_t HttpRequest::count(http::field name) const {
  return static_cast<size_t>(std::ranges::count(headers_, name, &Header::field));
}

size_t HttpRequest::count(std::string_view name) const {
  return static_cast<size_t>(std::ranges::count_if(
      headers_, [&](const Header& header) { return boost::beast::iequals(name_of(header), name); }));
}

std::vector<std::string_view> HttpRequest::list(http::field name) const {
  constexpr std::string_view kSpace = " \t";
  std::vector<std::string_view> elements;
  for (const Header& header : headers_) {
    if (header.field != name) {
      continue;
    }
    std::string_view rest = value_of(header);
    while (!rest.empty()) {
      std::string_view element = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), element.size() + 1));
      element.remove_prefix(std::min(element.size(), element.find_first_not_of(kSpace)));
      element = element.substr(0, element.find_last_not_of(kSpace) + 1);
      if (!element.empty()) {
        elements.push_back(element);
      }
    }
  }
  return elements;
}

}  // namespace hongbao

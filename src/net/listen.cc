#include "net/listen.h"

#include <fmt/format.h>

#include "base/number.h"

namespace hongbao {

using boost::asio::ip::tcp;

std::optional<tcp::endpoint> parse_endpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  const auto port = parse_decimal<uint16_t>(std::string_view(text).substr(colon + 1));
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  boost::system::error_code bad_address;
  const auto address = boost::asio::ip::make_address(host, bad_address);
  if (!port || bad_address) {
    return std::nullopt;
  }
  return tcp::endpoint(address, *port);
}

std::string to_text(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), address, endpoint.port());
}

Result<std::string> listen_at(tcp::acceptor& acceptor, const std::string& listen) {
  const auto endpoint = parse_endpoint(listen);
  if (!endpoint) {
    return fail(ErrorCode::kConfig,
                fmt::format("is \"{}\": give an address and a port such as 127.0.0.1:8080", listen));
  }
  boost::system::error_code error;
  acceptor.open(endpoint->protocol(), error);
  if (!error) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(*endpoint, error);
  }
  if (!error) {
    acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return fail(ErrorCode::kConfig, fmt::format("is \"{}\", which cannot be listened at: {}", listen, error.message()));
  }
  return to_text(acceptor.local_endpoint());
}

}  // namespace hongbao

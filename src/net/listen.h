// Addresses as configuration writes them, "address:port", and listening at them. Any thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>

#include "base/result.h"

namespace hongbao {

// A numeric address: "127.0.0.1:8080", "[::1]:8080".
std::optional<boost::asio::ip::tcp::endpoint> parse_endpoint(const std::string& text);
std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

// Opens `acceptor` at `listen` (port 0: any). kConfig when that can't be done. Returns the address it listens at.
Result<std::string> listen_at(boost::asio::ip::tcp::acceptor& acceptor, const std::string& listen);

}  // namespace hongbao

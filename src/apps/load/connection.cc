#include "apps/load/connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include "base/check.h"

namespace hongbao::load {

void Connection::exchange(SteadyTime now) {
  CHECK(!busy_);
  busy_ = true;
  started_at_ = now;
  if (connected_) {
    write();
  } else {
    connect();
  }
}

void Connection::abort() {
  // A pending handler runs with an error and ends the exchange.
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::connect() {
  in_.clear();
  socket_.async_connect(endpoint_, [this](const boost::system::error_code& error) {
    boost::system::error_code option_error;
    if (!error) {
      socket_.set_option(boost::asio::ip::tcp::no_delay(true), option_error);
      socket_.non_blocking(true, option_error);
    }
    if (error || option_error) {
      end(Ending::kRefused);
      return;
    }
    connected_ = true;
    write();
  });
}

void Connection::write() {
  parser_.emplace(answer_);
  // A request nearly always fits into the socket's buffer: one system call and no handler.
  boost::system::error_code error;
  const size_t written = socket_.write_some(boost::asio::buffer(out_), error);
  if (error && error != boost::asio::error::would_block) {
    // The owner must not be called back from inside its own call.
    boost::asio::post(socket_.get_executor(), [this] { end(Ending::kBroken); });
    return;
  }
  if (written < out_.size()) {
    write_rest(written);
  } else {
    read();
  }
}

void Connection::write_rest(size_t written) {
  boost::asio::async_write(socket_, boost::asio::buffer(out_) + written,
                           [this](const boost::system::error_code& error, size_t) {
                             if (error) {
                               end(Ending::kBroken);
                             } else {
                               read();
                             }
                           });
}

void Connection::read() {
  socket_.async_read_some(in_.prepare(kReadBytes),
                          [this](const boost::system::error_code& error, size_t bytes) { on_read(error, bytes); });
}

void Connection::on_read(const boost::system::error_code& error, size_t bytes) {
  if (error) {
    end(Ending::kBroken);
    return;
  }
  in_.commit(bytes);
  boost::system::error_code parse_error;
  const size_t used = parser_->put(in_.data(), parse_error);
  in_.consume(used);
  if (parse_error && parse_error != boost::beast::http::error::need_more) {
    end(Ending::kBroken);
  } else if (parser_->is_done()) {
    end(Ending::kAnswered);
  } else {
    read();
  }
}

void Connection::end(Ending ending) {
  if (ending != Ending::kAnswered || !parser_->keep_alive()) {
    boost::system::error_code ignored;
    socket_.close(ignored);
    connected_ = false;
  }
  busy_ = false;
  owner_.on_exchange_ended(*this, ending, answer_);
}

}  // namespace hongbao::load

"""Somebody who is let in by a NATS server and has no secret of Hongbao's: publishes and listens, by the server's plain text
protocol (NATS client protocol, https://docs.nats.io/reference/reference-protocols/nats-protocol)."""

import base64
import json
import socket
import ssl
import time


class RefusedError(Exception):
    """The server's words."""


class Stranger:
    def __init__(self, server, user=None, password=None, encrypted=True, timeout_s=5):
        """`server`: of the region."""
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s)
        self.timeout_s = timeout_s
        self.buffer = b""
        self.inbox = f"_INBOX.stranger.{id(self)}"
        try:
            self._introduce(server, encrypted, {"user": user, "pass": password} if user else {})
        except BaseException:
            self.close()
            raise
        self._send(f"SUB {self.inbox} 1\r\n".encode())

    def _introduce(self, server, encrypted, credentials):
        self._line()  # INFO
        if encrypted:
            context = ssl.create_default_context(cafile=server.authority.file)
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        options = {"verbose": False, "headers": True, **credentials}
        self._send(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
        answer = self._line()
        if answer != b"PONG":
            raise RefusedError(answer.decode())

    def close(self):
        self.socket.close()

    def publish(self, subject, payload, reply=""):
        self._send(f"PUB {subject} {reply + ' ' if reply else ''}{len(payload)}\r\n".encode() + payload + b"\r\n")

    def flush(self):
        self._send(b"PING\r\n")
        while self._line() != b"PONG":
            pass

    def ask(self, subject, payload=b""):
        """The answer's payload."""
        self.publish(subject, payload, self.inbox)
        end = time.monotonic() + self.timeout_s
        while time.monotonic() < end:
            words = self._line().split(b" ")
            if words[0] == b"MSG":
                return self._bytes(int(words[-1]))
            if words[0] == b"PING":
                self._send(b"PONG\r\n")
        raise TimeoutError(subject)

    def stored(self, stream, number):
        """A message that the stream holds: its subject and its payload; None when there is none."""
        import base64  # noqa: PLC0415
        answer = json.loads(self.ask(f"$JS.API.STREAM.MSG.GET.{stream}", json.dumps({"seq": number}).encode()))
        message = answer.get("message")
        return message and (message["subject"], base64.b64decode(message.get("data", "")))

    def last_number(self, stream):
        return json.loads(self.ask(f"$JS.API.STREAM.INFO.{stream}"))["state"]["last_seq"]

    def _send(self, data):
        self.socket.sendall(data)

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _bytes(self, count):
        while len(self.buffer) < count + 2:
            self._more()
        payload, self.buffer = self.buffer[:count], self.buffer[count + 2:]
        return payload

    def _more(self):
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError("the server closed")
        self.buffer += more


def varint(number):
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """Of a protocol buffer: an integer or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    return varint(number << 3 | 2) + varint(len(value)) + value


def voucher_batch(shard, first, user, amount, day, local):
    """One `opened` voucher, as docs/FORMATS.md lays out what is behind a message's MAC."""
    zigzag = day << 1
    entry = (field(1, zigzag) + field(2, local) + field(3, 2) + field(4, 1) + field(5, user.encode()) +
             field(6, amount) + field(7, int(time.time() * 1000)))
    return field(1, shard.encode()) + field(2, first) + field(3, entry)

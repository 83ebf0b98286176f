"""HTTP as it comes over the wire, on raw sockets."""

import http.client
import socket

from hongbao_client import Answer


class Wire:
    """A raw connection that reads answers one after the other."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, method="GET"):
        """The next answer to a request with that method; None when the server closed the connection."""
        status_line = self.reader.readline()
        if not status_line:
            return None
        headers = http.client.parse_headers(self.reader)
        body = self.reader.read(int(headers.get("Content-Length", "0"))) if method != "HEAD" else b""
        return Answer(int(status_line.split()[1]), headers, body)

    def is_closed(self):
        try:
            return self.reader.read(1) == b""
        except ConnectionResetError:
            return True

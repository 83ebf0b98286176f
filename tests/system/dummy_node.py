#!/usr/bin/python3
"""Stands in for a hongbaod behind HAProxy:  dummy_node.py NAME PUBLIC_PORT HEALTH_PORT OWNERS_FILE

OWNERS_FILE holds {shard: node's name}. As a node does, it names the owner when it is another; it tells who it is in
Served-By and the connection in Served-On. Queries make it misbehave: `?die=NAME` ends that node before it answers,
`?busy` answers 503, `?die=NAME&busy` both, `?garbage` with what is no HTTP, `?hang` not at all. Every request is a line of
output. SIGUSR1 makes /readyz answer 503.
"""

import http.server
import json
import os
import pathlib
import signal
import sys
import threading
import time

name, public_port, health_port, owners_file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4])


HANG_S = 5


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, status, headers):
        self.send_response(status)
        for key, value in {"Content-Length": "0", **headers}.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *_):
        pass


is_ready = True


class Health(Handler):
    def do_GET(self):
        self.answer(200 if is_ready else 503, {})


class Public(Handler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        print(self.command, self.path, body.decode(), flush=True)
        path, _, query = self.path.partition("?")
        if f"die={name}" in query.split("&"):
            os._exit(1)
        if query == "hang":
            time.sleep(HANG_S)
        if query in ("hang", "garbage"):
            self.wfile.write(b"nonsense\r\n\r\n")
            self.close_connection = True
            return
        owner = json.loads(owners_file.read_text()).get(path.rpartition("/")[2][:4], name)
        self.answer(503 if "busy" in query.split("&") else 200,
                    {"Served-By": name, "Served-On": self.client_address[1], "Served-Body": body.decode(),
                     **({"Hongbao-Owner": owner} if owner != name else {})})

    do_POST = do_GET


def serve(port, handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever).start()


def become_unready(*_):
    global is_ready
    is_ready = False


signal.signal(signal.SIGUSR1, become_unready)
serve(public_port, Public)
serve(health_port, Health)

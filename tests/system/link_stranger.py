"""A node that lies: speaks the link between nodes, with whatever certificate it was given (docs/FORMATS.md)."""

import datetime
import pathlib
import socket
import ssl
import struct

HEADER = struct.Struct("<IBQ")
REQUEST, RESPONSE, HEARTBEAT = 1, 2, 3
PACKET_CALL = 1
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
# Of docs/FORMATS.md's calls and answers, what is needed here.
PAY, NOTIFY, GRAB, OPEN, VIEW, CREDENTIAL, BODY = 2, 3, 4, 5, 6, 9, 10
NOT_FOUND, PAY_TOKEN_INVALID, TOKEN_MISSING, UNAUTHENTICATED, SIGNATURE_INVALID = 5, 8, 26, 27, 29


def varint(value):
    out = bytearray()
    while True:
        out.append(value & 0x7f | (0x80 if value > 0x7f else 0))
        value >>= 7
        if not value:
            return bytes(out)


def field(number, value):
    """A field of protobuf, of bytes or a whole number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """The fields of a protobuf message, by number."""
    found, at = {}, 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 2:
            length = number()
            found[tag >> 3], at = message[at:at + length], at + length
        elif tag & 7 == 1:
            found[tag >> 3], at = message[at:at + 8], at + 8
        else:
            found[tag >> 3] = number()
    return found


def packet_key(packet_id):
    shard, day, local, _ = packet_id.split("-")
    number = 0
    for digit in local:
        number = number << 5 | BASE32.index(digit)
    days = (datetime.datetime.strptime(day, "%y%m%d") - datetime.datetime(1970, 1, 1)).days
    return field(1, shard.encode()) + field(2, days << 1) + field(3, number)


def user_call(kind, user, packet, extra=b""):
    """A grab, a payment or an open in somebody's name."""
    return field(kind, field(1, user.encode()) + field(2, packet_key(packet)) + extra)


class LinkStranger:
    def __init__(self, node, secrets, certificate, named=None):
        """Connects to `node`, as the name in the files `certificate`.pem and .key."""
        secrets = pathlib.Path(secrets)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(secrets / "nodes-ca.pem")
        if certificate:
            context.load_cert_chain(secrets / f"{certificate}.pem", secrets / f"{certificate}.key")
        self.context = context
        raw = socket.create_connection(("127.0.0.1", node.peer_port), timeout=10)
        try:
            self.socket = context.wrap_socket(raw, server_hostname=f"{named or node.name}.south.hongbao")
        except OSError:
            raw.close()
            raise
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def call(self, what, credential=b"", body=b""):
        """The answer to a call about a packet: the fields of docs/FORMATS.md's Answer."""
        message = what + (field(CREDENTIAL, credential) if credential else b"") + (field(BODY, body) if body else b"")
        payload = struct.pack("<IB", 5_000, PACKET_CALL) + message
        self.socket.sendall(HEADER.pack(len(payload), REQUEST, 7) + payload)
        while True:
            kind, payload = self.frame()
            if kind == RESPONSE:
                return fields(payload)
            if kind != HEARTBEAT:
                raise ConnectionError(f"a frame of kind {kind}")

    def frame(self):
        head = self.reader.read(HEADER.size)
        if len(head) < HEADER.size:
            raise ConnectionError("the node has ended it")
        length, kind, _ = HEADER.unpack(head)
        return kind, self.reader.read(length)

    def refusal(self, what, credential=b"", body=b""):
        """The number of the error that a call is answered with; None: it was carried out."""
        answer = self.call(what, credential, body)
        return fields(answer[1]).get(1) if 1 in answer else None

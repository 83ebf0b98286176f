"""Keys of users' tokens with their private parts: what goes into a JSON Web Key Set, and what they sign."""

import hashlib
import hmac
import json
import os
import pathlib
import secrets
import time

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hongbao_client import base64url

COORDINATE_BYTES = 32


class Secret:
    algorithm = "HS256"

    def __init__(self, name):
        self.name, self.secret = name, secrets.token_bytes(COORDINATE_BYTES)

    def public(self):
        return {"kty": "oct", "k": base64url(self.secret)}

    def sign(self, text):
        return hmac.new(self.secret, text, hashlib.sha256).digest()


class P256:
    algorithm = "ES256"

    def __init__(self, name):
        self.name, self.key = name, ec.generate_private_key(ec.SECP256R1())

    def public(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", **{name: base64url(number.to_bytes(COORDINATE_BYTES, "big"))
                                                for name, number in (("x", numbers.x), ("y", numbers.y))}}

    def sign(self, text):
        parts = utils.decode_dss_signature(self.key.sign(text, ec.ECDSA(SHA256())))
        return b"".join(part.to_bytes(COORDINATE_BYTES, "big") for part in parts)


class Ed25519:
    algorithm = "EdDSA"

    def __init__(self, name):
        self.name, self.key = name, ed25519.Ed25519PrivateKey.generate()

    def public(self):
        return {"kty": "OKP", "crv": "Ed25519",
                "x": base64url(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}

    def sign(self, text):
        return self.key.sign(text)


def token(key, user, ttl_s=600, **header):
    """`header`: what differs in it; None leaves a name out."""
    head = {"alg": key.algorithm, "typ": "JWT", "kid": key.name, **header}
    head = {name: value for name, value in head.items() if value is not None}
    now = int(time.time())
    claims = {"sub": user, "iat": now, "exp": now + ttl_s, "jti": secrets.token_hex(4)}  # no two are the same
    text = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{base64url(key.sign(text.encode()))}"


def write_set(path, *keys):
    """In the place of the file that is there, at one moment."""
    text = json.dumps({"keys": [{"kid": key.name, "alg": key.algorithm, "use": "sig", **key.public()} for key in keys]})
    replace_file(path, text)


def replace_file(path, text):
    path = pathlib.Path(path)
    following = path.with_suffix(".next")
    following.write_text(text)
    following.chmod(0o600)
    os.replace(following, path)

"""A client of its own, written only from docs/openapi.yaml: no code of Hongbao's is used.

Every answer is validated against the document: status, media type, body, and the headers a problem must carry. One
Client is one connection and belongs to one thread.
"""

import base64
import functools
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import time
import warnings

import jsonschema
import yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from jsonschema import RefResolver

DOCUMENT = yaml.load((pathlib.Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text(encoding="utf-8"),
                     Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
TIMEOUT_S = 15
PROBLEM_PREFIX = "urn:hongbao:problem:"

STATUS_OF_PROBLEM = {
    "malformed_request": 400, "malformed_json": 400, "invalid_field": 422, "unknown_field": 422,
    "missing_header": 400, "body_too_large": 413, "header_too_large": 431, "request_timeout": 408,
    "target_too_long": 414, "not_implemented": 501, "version_not_supported": 505, "unsupported_media_type": 415,
    "expectation_failed": 417, "precondition_failed": 412,
    "no_such_path": 404, "method_not_allowed": 405, "page_token_invalid": 400,
    "unauthenticated": 401, "token_expired": 401, "forbidden": 403, "role_needed": 403, "open_first": 403, "not_in_group": 403, "ticket_invalid": 403, "ticket_expired": 403,
    "signature_invalid": 401, "notification_stale": 401, "not_found": 404, "not_paid": 409,
    "idempotency_key_reused": 422, "pay_token_invalid": 422, "pay_token_expired": 409, "amount_mismatch": 422,
    "payment_id_reused": 409, "already_sent": 409, "insufficient_funds": 402, "account_frozen": 403,
    "transfer_id_reused": 409, "deposit_limit_reached": 409, "overloaded": 503, "packet_busy": 429, "unavailable": 503, "deadline_exceeded": 503,
    "outcome_unknown": 503, "shutting_down": 503, "switched_off": 503, "journal_unavailable": 503, "storage": 503, "internal": 500,
}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_jwt(claims, secret, header=None, hash_name="sha256"):
    head = header if header is not None else {"alg": "HS256", "typ": "JWT"}
    text = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return text + "." + base64url(hmac.new(secret, text.encode(), hash_name).digest())


def user_token(user, secret, ttl_s=3600, **claims):
    now = int(time.time())
    return sign_jwt({"sub": user, "iat": now, "exp": now + ttl_s, **claims}, secret)


def sign_notification(body, secret, at_s=None):
    at_s = int(time.time()) if at_s is None else at_s
    mac = hmac.new(secret, f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={mac}"


class Answer:
    def __init__(self, status, headers, raw):
        self.status = status
        self.headers = headers
        self.raw = raw
        media_type = headers.get("Content-Type", "").split(";")[0].strip()
        self.media_type = media_type
        is_json = media_type in ("application/json", "application/problem+json")
        self.body = json.loads(raw) if raw and is_json else None  # a HEAD's has none

    @property
    def problem(self):
        """The problem's name; None for an answer that is none."""
        if self.body is None or self.media_type != "application/problem+json":
            return None
        return self.body["type"].removeprefix(PROBLEM_PREFIX)

    def __repr__(self):
        return f"<{self.status} {self.raw[:300]!r}>"


def _template_pattern(template):
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part)
                              for part in re.split(r"(\{[^}]+\})", template)))


# The most literal template first: "{user}:deposit" before "{user}".
_TEMPLATES = sorted(((_template_pattern(template), template) for template in DOCUMENT["paths"]),
                    key=lambda entry: -len(re.sub(r"\{[^}]+\}", "", entry[1])))


def _operation(method, path):
    bare = path.split("?")[0]
    for pattern, template in _TEMPLATES:
        if pattern.fullmatch(bare):
            return DOCUMENT["paths"][template].get("get" if method == "HEAD" else method.lower())
    return None


def _resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


@functools.lru_cache(maxsize=None)
def _validator(schema_json):
    resolver = RefResolver("", DOCUMENT)
    return jsonschema.Draft202012Validator(json.loads(schema_json), resolver=resolver)


@functools.lru_cache(maxsize=None)
def _problem_validator():
    return _validator(json.dumps({"$ref": "#/components/schemas/Problem"}))


def validate(method, path, answer):
    """Raises AssertionError when the document does not allow this answer."""
    where = f"{method} {path} → {answer}"
    if method in ("HEAD", "OPTIONS"):
        assert not answer.raw or (method == "OPTIONS" and answer.problem), where
        return
    if answer.media_type == "application/problem+json":
        errors = [error.message for error in _problem_validator().iter_errors(answer.body)]
        assert not errors, f"{where}: {errors}"
        assert answer.body["status"] == answer.status == STATUS_OF_PROBLEM[answer.problem], where
        assert answer.status != 405 or answer.headers.get("Allow"), f"{where}: no Allow"
        assert answer.status != 401 or answer.headers.get("WWW-Authenticate"), f"{where}: no challenge"
        if answer.status in (429, 503):
            assert int(answer.headers.get("Retry-After", "0")) >= 1, f"{where}: no Retry-After"
        return
    operation = _operation(method, path)
    assert operation is not None, f"{where}: not in the document"
    response = operation["responses"].get(str(answer.status))
    assert response is not None, f"{where}: status not in the document"
    content = _resolve(response).get("content")
    if content is None:
        return
    assert answer.media_type in content, f"{where}: media type {answer.media_type}"
    if answer.body is not None:
        schema = json.dumps(content[answer.media_type]["schema"])
        errors = [f"{error.json_path}: {error.message}" for error in _validator(schema).iter_errors(answer.body)]
        assert not errors, f"{where}: {errors}"


class Client:
    def __init__(self, address, token=None, timeout_s=TIMEOUT_S):
        self.timeout_s = timeout_s
        self.address = address
        self.token = token
        self._connection = None

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, method, path, body=None, headers=None):
        """`body`: bytes as they are, anything else as JSON; None sends no body."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
        if self._connection is None:
            host, port = self.address.rsplit(":", 1)
            self._connection = http.client.HTTPConnection(host, int(port), timeout=self.timeout_s)
        try:
            self._connection.request(method, path, body=body, headers=sent)
            response = self._connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise
        validate(method, path, answer)
        return answer

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, headers=None):
        return self.call("POST", path, body, headers)

    # The calls of the API, by name.

    def send(self, key, **request):
        return self.post("/v1/packets", request, {"Idempotency-Key": key})

    def pay(self, packet_id, pay_token):
        return self.post(f"/v1/packets/{packet_id}:pay", {"pay_token": pay_token})

    def grab(self, packet_id):
        return self.post(f"/v1/packets/{packet_id}:grab")

    def open(self, packet_id, ticket):
        return self.post(f"/v1/packets/{packet_id}:open", {"ticket": ticket})

    def packet(self, packet_id):
        return self.get(f"/v1/packets/{packet_id}")

    def take(self, packet_id):
        """Grabs and, with a ticket, opens. The last answer's body."""
        grabbed = self.grab(packet_id)
        assert grabbed.status == 200, grabbed
        if grabbed.body["outcome"] != "ticket":
            return grabbed.body
        opened = self.open(packet_id, grabbed.body["ticket"])
        assert opened.status == 200, opened
        return opened.body

    def wallet(self):
        return self.get("/v1/users/me/wallet").body

    def pages(self, path, item, page_size=None):
        """All entries of a list, page by page."""
        entries = []
        token = None
        while True:
            query = [f"page_size={page_size}"] if page_size else []
            query += [f"page_token={token}"] if token else []
            answer = self.get(path + ("?" + "&".join(query) if query else ""))
            assert answer.status == 200, answer
            assert not page_size or len(answer.body[item]) <= page_size
            entries += answer.body[item]
            token = answer.body.get("next_page_token")
            if token is None:
                return entries

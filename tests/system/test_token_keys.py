"""The file with the keys of users' tokens, from outside: keys that come and go while a server runs, and a rotation over
two nodes under load without a call refused, as docs/OPERATIONS.md says."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

from hongbao_client import Client
from system import Server, binary, eventually
from test_region import Front
from token_keys import P256, Ed25519, Secret, replace_file, token, write_set

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from region import Region  # noqa: E402

CLIENTS = 4
CALLS_IN_EACH_STEP = 200


def metric(admin, admin_token, name):
    with Client(admin, admin_token) as operator:
        return float(re.search(rb"^" + name.encode() + rb" (\S+)$", operator.get("/metrics").raw, re.M)[1])


class KeysOfOneServer(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.remove)
        self.file = self.server.directory / "secrets" / "jwks.json"
        self.server.environment["HONGBAO_AUTH_JWKS_FILE"] = str(self.file)

    def status(self, presented):
        with self.server.anyone(presented) as client:
            return client.get("/v1/users/me/wallet").status

    def metric(self, name):
        return metric(self.server.admin, self.server.admin_token, name)

    def logged(self, event):
        return [line for line in self.server.log if f'"{event}"' in line]

    def test_keys_come_and_go_without_a_stop(self):
        keys = [Secret("one"), P256("two"), Ed25519("three")]
        write_set(self.file, keys[0])
        self.server.start()
        tokens = [token(key, "alice") for key in keys]
        self.assertEqual([200, 401, 401], [self.status(each) for each in tokens])
        self.assertEqual(200, self.status(token(keys[0], "alice", kid=None)), "a token need not name its key")
        self.assertEqual(401, self.status(token(keys[0], "alice", kid="another")))
        with self.server.user("alice") as client:
            self.assertEqual(200, client.get("/v1/users/me/wallet").status, "the secret stays good")

        write_set(self.file, *keys)
        eventually(lambda: self.metric("hongbao_token_keys") == 3, "the new keys are read")
        self.assertEqual([200, 200, 200], [self.status(each) for each in tokens])
        for key in keys[1:]:
            self.assertEqual(401, self.status(token(key, "alice", alg="HS256")))

        write_set(self.file, *keys[1:])
        eventually(lambda: self.metric("hongbao_token_keys") == 2, "a key is taken out")
        self.assertEqual([401, 200, 200], [self.status(each) for each in tokens], "at once, though it was remembered")
        self.assertEqual(2, self.metric("hongbao_token_keys_changed_total"))
        self.assertEqual("two three", json.loads(self.logged("token_keys_changed")[-1])["keys"])
        self.assertEqual(0, self.server.stop())

    def test_a_bad_file_changes_nothing_and_is_told(self):
        key = P256("good")
        write_set(self.file, key)
        self.server.start()
        private = {"kid": "leaked", **key.public(), "d": "x"}
        for text in ("", "{", json.dumps({"keys": []}), json.dumps({"keys": [private]})):
            before = self.metric("hongbao_token_keys_refused_total")
            replace_file(self.file, text)
            eventually(lambda before=before: self.metric("hongbao_token_keys_refused_total") > before, "it is refused")
            self.assertEqual(200, self.status(token(key, "alice")))
        eventually(lambda: any("leaked" in line for line in self.logged("token_keys_refused")), "the log names the key")
        self.file.unlink()
        self.assertEqual(200, self.status(token(key, "alice")))
        other = Ed25519("other")
        write_set(self.file, other)
        eventually(lambda: self.status(token(other, "alice")) == 200, "the next good file is taken")
        self.assertEqual(401, self.status(token(key, "alice")))
        self.assertEqual(0, self.server.stop())

    def test_a_bad_file_stops_the_start(self):
        write_set(self.file, P256("good"), P256("good"))
        result = subprocess.run([binary("hongbaod"), "--config", str(self.server.config)], timeout=20, cwd="/",
                                env=self.server.environment, capture_output=True, text=True)
        self.assertEqual((2, 1), (result.returncode, len(result.stderr.splitlines())), result.stderr)
        self.assertIn(f'auth.jwks_file names {self.file}, whose key 2 ("good") must not have the `kid` of another key',
                      result.stderr)

    def test_a_deployment_needs_no_secret(self):
        self.server.environment["HONGBAO_AUTH_JWT_SECRET_FILE"] = ""
        write_set(self.file, Secret("one"), P256("two"))
        self.server.start()
        with self.server.user("alice") as client:
            self.assertEqual(401, client.get("/v1/users/me/wallet").status, "its secret is none of the keys")
        self.assertEqual(200, self.status(self.server.ctl("token", "--user", "alice").stdout.strip()))
        write_set(self.file, P256("two"))
        refused = self.server.ctl("token", "--user", "alice", check=False)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn("auth.jwks_file", refused.stderr)
        self.assertEqual(0, self.server.stop())

        del self.server.environment["HONGBAO_AUTH_JWKS_FILE"]
        result = subprocess.run([binary("hongbaod"), "--config", str(self.server.config)], timeout=20, cwd="/",
                                env=self.server.environment, capture_output=True, text=True)
        self.assertEqual(2, result.returncode)
        self.assertIn("auth.jwt_secret_file", result.stderr)


class Load:
    """Clients that make calls of both nodes, each with a token of its own that `key` signs."""

    def __init__(self, addresses, key):
        self.addresses, self.key = addresses, key
        self.calls, self.refused = 0, []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        while not self._stop.is_set():
            key = self.key
            for address in self.addresses:
                with Client(address, token(key, f"user-{number}")) as client:
                    for path in ("/v1/users/me/wallet", "/v1/users/me/summary"):
                        answer = client.get(path)
                        with self._lock:
                            self.calls += 1
                            if answer.status != 200:
                                self.refused.append((key.name, address, answer.status, answer.body))

    def await_more(self):
        enough = self.calls + CALLS_IN_EACH_STEP
        eventually(lambda: self.calls >= enough, "calls go on", 60)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


class RotationOverTwoNodes(unittest.TestCase):
    def setUp(self):
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-region-"))
        self.region = Region(directory, pathlib.Path(binary("hongbaod")).parent, nodes=2)
        self.addCleanup(self.region.kill)
        self.files = {node.name: self.region.directory / f"{node.name}.jwks.json" for node in self.region.nodes}
        for node in self.region.nodes:  # each reads a file of its own, as nodes on machines of their own do
            command, setting = node.command, f"--set=auth.jwks_file={self.files[node.name]}"
            node.command = lambda command=command, setting=setting: [*command(), setting]

    def await_keys(self, node, count):
        eventually(lambda: metric(node.admin, self.front.admin_token, "hongbao_token_keys") == count,
                   f"{node.name} has {count} keys")

    def test_no_call_is_refused_while_keys_change(self):
        old, new = Secret("2026-11"), P256("2026-12")
        for file in self.files.values():
            write_set(file, old)
        self.region.start()
        self.front = Front(self.region)
        load = Load([node.address for node in self.region.nodes], old)
        self.addCleanup(load.stop)
        load.await_more()
        for node in self.region.nodes:  # add everywhere …
            write_set(self.files[node.name], old, new)
            self.await_keys(node, 2)
            load.await_more()
        load.key = new  # … sign with the new one …
        load.await_more()
        last = token(old, "late")
        load.await_more()
        load.stop()  # no call with a token of the old one is on its way any more
        self.assertEqual([], load.refused[:3])

        load = Load([node.address for node in self.region.nodes], new)
        self.addCleanup(load.stop)
        for node in self.region.nodes:  # … and retire the old one
            with Client(node.address, last) as client:
                self.assertEqual(200, client.get("/v1/users/me/wallet").status)
                write_set(self.files[node.name], new)
                self.await_keys(node, 1)
                self.assertEqual(401, client.get("/v1/users/me/wallet").status)
            load.await_more()
        load.stop()
        self.assertEqual([], load.refused[:3])


if __name__ == "__main__":
    unittest.main()

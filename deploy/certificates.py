"""A throw-away certificate authority, and certificates of servers that it signed, made with OpenSSL's command line.

For private servers on this machine: keys lie beside the certificates, readable by their owner alone, and are gone with
the directory.
"""

import pathlib
import subprocess

HOSTS = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")
DAYS = "3650"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """Made at its first use, and found again in its directory."""

    def __init__(self, directory, name="ca"):
        self.directory = pathlib.Path(directory).resolve()
        self.file = self.directory / f"{name}.pem"
        self.key = self.directory / f"{name}.key"

    def prepare(self):
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.file.exists():
            self._make("-keyout", self.key, "-out", self.file, "-subj", f"/CN=Hongbao's private {self.file.stem}",
                       "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")

    def certificate(self, name, hosts=HOSTS):
        """The files of a certificate for `hosts` and of its key."""
        self.prepare()
        file, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        if not file.exists():
            self._make("-keyout", key, "-out", file, "-subj", f"/CN={name}", "-CA", self.file, "-CAkey", self.key,
                       "-addext", f"subjectAltName={','.join(hosts)}", "-addext", "basicConstraints=critical,CA:FALSE")
        return file, key

    @staticmethod
    def _make(*arguments):
        made = subprocess.run(["openssl", "req", "-x509", "-config", "/dev/null", "-days", DAYS, *NEW_KEY, *arguments],
                              check=False, capture_output=True, text=True, umask=0o077)
        if made.returncode != 0:
            raise OSError(f"openssl made no certificate: {made.stderr.strip().splitlines()[-1]}")

"""What stands behind the browser: two sample origins, and the daemon in front of them with TLS."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import tempfile
import time

PATIENCE = 30

CONFIG = """\
listeners:
  - address: "127.0.0.1:0"
    tls:
      certificates: [{{ certificate: "{dir}/certs/localhost.pem", key: "{dir}/certs/localhost.key" }}]
http2: {{ enabled: {http2} }}
admin: {{ socket: "{dir}/admin.sock" }}
state: "{dir}/state.db"
access_log: {{ path: "{dir}/access.log" }}
services:
  demo:
    hosts: ["localhost"]
    slots:
      blue: {{ name: blue-sample, targets: ["{blue}"] }}
      green: {{ name: green-sample, targets: ["{green}"] }}
    health_check: {{ path: /up, interval: 500ms, healthy_after: 1 }}
    drain: {{ timeout: 10s, tunnels: {tunnels} }}
    preview: {{ secret_file: "{dir}/secret" }}
"""


class StageError(Exception):
    """The daemon, an origin or a command did not do what was asked."""


class Stage:
    def __init__(self, programs, root, http2=True, tunnels="close"):
        self._switchyard = str(programs / "admin/switchyard")
        self._folder = tempfile.TemporaryDirectory(prefix="switchyard-browser-check-")
        self._dir = pathlib.Path(self._folder.name)
        self._processes = []
        try:
            self._start(programs, root, http2, tunnels)
        except BaseException:
            self.close()
            raise

    def _start(self, programs, root, http2, tunnels):
        made = subprocess.run([root / "certs/make-dev-certs", "--dir", self._dir / "certs",
                               "--days", "2"], stdout=subprocess.DEVNULL, check=False)
        if made.returncode != 0:
            raise StageError("certs/make-dev-certs failed")
        secret = os.open(self._dir / "secret", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(secret, secrets.token_hex(32).encode())
        os.close(secret)
        origins = {colour: self._start_origin(programs, colour) for colour in ("blue", "green")}
        (self._dir / "switchyard.yaml").write_text(CONFIG.format(
            dir=self._dir, http2=str(http2).lower(), tunnels=tunnels, **origins))
        with open(self._dir / "daemon.log", "wb") as log:
            self._processes.append(subprocess.Popen(
                [programs / "proxy/switchyardd", "--config", self._dir / "switchyard.yaml"],
                stdout=log, stderr=log))
        self.port = self._wait_until_ready()

    def _start_origin(self, programs, colour):
        process = subprocess.Popen(
            [programs / "tests/support/switchyard-origin", "--quiet", "--colour", colour, "--name",
             f"{colour}-sample"], stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        line = process.stdout.readline().strip()
        if not line.startswith("listening on "):
            raise StageError(f"the {colour} origin did not start: {line!r}")
        return line.removeprefix("listening on ")

    def _wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._processes[-1].poll() is not None:
                break
            with contextlib.suppress(StageError, ValueError):
                status = json.loads(self.command("status", "--json"))
                if all(slot["healthy"] for slot in status["services"][0]["slots"].values()):
                    return int(status["listeners"][0]["address"].rpartition(":")[2])
            time.sleep(0.05)
        raise StageError("the daemon is not ready: " + (self._dir / "daemon.log").read_text())

    def close(self):
        for process in reversed(self._processes):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self._folder.cleanup()

    def kill_origin(self, colour):
        self._processes[("blue", "green").index(colour)].kill()

    def command(self, *arguments):
        """What `switchyard ARGUMENTS...` prints; it has to end with 0."""
        done = subprocess.run(
            [self._switchyard, *arguments], capture_output=True, text=True, check=False,
            timeout=PATIENCE, env={**os.environ, "SWITCHYARD_SOCKET": str(self._dir / "admin.sock")})
        if done.returncode != 0:
            raise StageError(f"switchyard {' '.join(arguments)} ended with {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")
        return done.stdout

    def protocols_of(self, path):
        """What requests for a path came over that have ended, as the access log says."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lines = (self._dir / "access.log").read_text().splitlines(keepends=True)
            entries = [json.loads(line) for line in lines if line.endswith("\n")]
            found = {entry["protocol"] for entry in entries if entry["target"] == path}
            if found:
                return found
            time.sleep(0.05)
        raise StageError(f"the access log does not say that a request for {path} has ended")

    def preview_pass(self):
        """The pass in the link that `switchyard preview` prints."""
        text = self.command("preview", "demo")
        link = re.search(r"^\s*link\s+https://localhost\S*\?switchyard_preview=(\S+)$", text, re.M)
        if not link:
            raise StageError(f"no link:\n{text}")
        return link.group(1)

    def certificate_key(self):
        """SHA-256 of the public key of the daemon's certificate, in base64."""
        public = subprocess.run(
            ["openssl", "x509", "-in", self._dir / "certs/localhost.pem", "-noout", "-pubkey"],
            capture_output=True, text=True, check=True).stdout
        der = base64.b64decode("".join(public.strip().splitlines()[1:-1]))
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

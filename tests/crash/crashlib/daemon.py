"""The programs under test, and the daemon's admin socket."""

import ctypes
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import time

PATIENCE = 60  # Seconds that only a broken program reaches.


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Origin:
    def __init__(self, program, colour):
        self._process = subprocess.Popen(
            [program, "--quiet", "--listen", "127.0.0.1:0", "--colour", colour, "--name", colour],
            stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)
        line = self._process.stdout.readline()
        self.address = line.removeprefix("listening on ").strip()
        if not line.startswith("listening on "):
            raise RuntimeError(f"{program} did not start: {line!r}")

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("switchyard", timeout=PATIENCE)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Change:
    """A command on its way, and as much of its answer as came."""

    def __init__(self, path, route, body):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(path)
        self._socket.sendall(
            (f"POST {route} HTTP/1.1\r\nHost: switchyard\r\nContent-Length: {len(body)}\r\n\r\n"
             f"{body}").encode())
        self._bytes = b""

    def _read(self):
        try:
            piece = self._socket.recv(65536)
        except ConnectionResetError:
            return False
        self._bytes += piece
        return bool(piece)

    def wait_committed(self):
        while not self.committed() and not self.refused():
            if not self._read():
                break
        return self.committed()

    def wait_for(self, text):
        """Until this was told, or there is no more."""
        while text.encode() not in self._bytes and self._read():
            pass

    def listen_for(self, seconds):
        """Reads for so long; returns as late as exactly then."""
        end = time.perf_counter() + seconds
        while True:
            left = end - time.perf_counter()
            if left <= 0:
                return
            ready = select.select([self._socket], [], [], left)[0]
            if ready and not self._read():
                time.sleep(max(0, end - time.perf_counter()))
                return

    def read_to_end(self):
        while self._read():
            pass
        self._socket.close()

    def committed(self):
        # The whole line: what was cut in the middle told nobody anything.
        at = self._bytes.find(b'"event":"committed"')
        return at >= 0 and self._bytes.find(b"\n", at) >= 0

    def refused(self):
        return self._bytes.startswith(b"HTTP/1.1 ") and not self._bytes.startswith(b"HTTP/1.1 200")

    def text(self):
        return self._bytes.decode(errors="replace")


class Daemon:
    def __init__(self, program, folder, origins, deploy=None):
        """`deploy`: host of an sshd (see sshd.py) that both slots are deployed to."""
        self._program = program
        self._folder = folder
        self._process = None
        self._socket = os.path.join(folder, "admin.sock")
        self.address = None
        with open(os.path.join(folder, "switchyard.yaml"), "w", encoding="utf-8") as file:
            file.write(
                "listeners: [{address: '127.0.0.1:0'}]\n"
                f"admin: {{socket: '{self._socket}'}}\n"
                f"state: '{os.path.join(folder, 'state.db')}'\n"
                "workers: 2\n"
                "services:\n"
                "  app:\n"
                "    slots:\n"
                + "".join(f"      {colour}: {{targets: ['{origin.address}']"
                          + (f", deploy_to: ['{deploy.address}']" if deploy else "") + "}\n"
                          for colour, origin in origins.items())
                + "    health_check: {path: /up, interval: 100ms}\n"
                + (deploy.yaml() if deploy else ""))

    def spawn(self):
        path = os.path.join(self._folder, "notify")
        if os.path.exists(path):
            os.unlink(path)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(path)
        with open(os.path.join(self._folder, "daemon.log"), "ab") as log:
            self._process = subprocess.Popen(
                [self._program, "--config", os.path.join(self._folder, "switchyard.yaml")],
                stdout=log, stderr=log, preexec_fn=_die_with_parent,
                env=dict(os.environ, NOTIFY_SOCKET=path))
        return notify

    def start(self):
        """Returns when it says that it is ready."""
        with self.spawn() as notify:
            notify.settimeout(0.05)
            end = time.monotonic() + PATIENCE
            ready = False
            while not ready:
                try:
                    ready = b"READY=1" in notify.recv(65536)
                except TimeoutError:
                    code = self._process.poll()
                    if code is not None:
                        raise RuntimeError(f"the daemon ended with {code}") from None
                    if time.monotonic() > end:
                        raise RuntimeError("the daemon does not become ready") from None
        status = self._get("/v1/status")
        host, port = status["listeners"][0]["address"].rsplit(":", 1)
        self.address = (host, int(port))

    def kill(self):
        self.address = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self):
        self._process.terminate()
        code = self._process.wait(PATIENCE)
        self._process = None
        return code

    @property
    def state_file(self):
        return os.path.join(self._folder, "state.db")

    def change(self, route, body):
        return Change(self._socket, route, body)

    def service(self):
        return self._get("/v1/services/app")

    def history(self, limit=20):
        return self._get(f"/v1/history?service=app&limit={limit}")["entries"]

    def _get(self, path):
        connection = UnixConnection(self._socket)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"GET {path}: {response.status} {body!r}")
        return json.loads(body)

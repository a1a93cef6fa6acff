"""A real sshd that takes one key, and what the daemon is told of it."""

import os
import pwd
import socket
import subprocess
import time

from crashlib.daemon import PATIENCE, _die_with_parent

SSHD = "/usr/sbin/sshd"


class Sshd:
    def __init__(self, folder):
        self._folder = folder
        self._hook_log = os.path.join(folder, "hooks.log")
        self._user = pwd.getpwuid(os.getuid()).pw_name
        for name in ("host_key", "client_key"):
            subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f",
                            os.path.join(folder, name)], check=True)
        with open(self._file("client_key.pub"), encoding="utf-8") as key, \
                open(self._file("authorized_keys"), "w", encoding="utf-8") as authorized:
            authorized.write(key.read())
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # It insists on that.
        self._process = None
        for _ in range(5):
            if self._start():
                break
        else:
            raise RuntimeError("sshd does not start: " + self._log())
        self.address = f"{self._user}@127.0.0.1:{self._port}"

    def _file(self, name):
        return os.path.join(self._folder, name)

    def _log(self):
        with open(self._file("sshd.log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def _start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        with open(self._file("sshd_config"), "w", encoding="utf-8") as file:
            file.write(f"Port {self._port}\nListenAddress 127.0.0.1\n"
                       f"HostKey {self._file('host_key')}\n"
                       f"AuthorizedKeysFile {self._file('authorized_keys')}\n"
                       "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n"
                       "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
                       "PrintMotd no\nMaxStartups 100\n")
        with open(self._file("sshd.log"), "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self._file("sshd_config")], stderr=log,
                preexec_fn=_die_with_parent)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            if "Server listening on" in self._log():
                return True
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
        return False

    def yaml(self):
        """The rest of the configuration: a deploy of everything, as short as it can be."""
        with open(self._file("host_key.pub"), encoding="utf-8") as key, \
                open(self._file("known_hosts"), "w", encoding="utf-8") as known:
            known.write(f"[127.0.0.1]:{self._port} {key.read()}")
        hook = f"echo $SWITCHYARD_EPOCH >> {self._hook_log}"
        return ("    deploy:\n"
                "      command: 'echo one; sleep 0.05; echo two'\n"
                "      warm_up: {paths: ['/'], limit: 50ms}\n"
                "      before_switch: {where: local, command: 'sleep 0.02'}\n"
                f"      after_switch: {{where: local, command: '{hook}; sleep 0.02'}}\n"
                f"ssh: {{key_file: '{self._file('client_key')}', "
                f"known_hosts: '{self._file('known_hosts')}'}}\n")

    def hooks_run(self):
        """The epochs of which after_switch was started."""
        if not os.path.exists(self._hook_log):
            return set()
        with open(self._hook_log, encoding="utf-8") as log:
            return {int(line) for line in log if line.strip()}

    def kill(self):
        self._process.kill()
        self._process.wait()

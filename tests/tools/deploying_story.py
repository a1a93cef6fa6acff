"""The story of docs/deploying.md, told for real in a temporary folder and without root.

One folder stands for the file systems of all machines, a real sshd on a port of the loopback
interface for the ssh of each, a git repository made here for that of the application. What only
root may do is left out: owners of files, users, and systemd, whose answers are canned; everything
else (ssh-keygen, ssh-keyscan, ssh, sshd with its authorized_keys, git, switchyard) is the program
itself.
"""

import getpass
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading

SSHD = "/usr/sbin/sshd"
SECONDS = 60

# What stands in for programs that need root or a running systemd. $* is what they were told.
STAND_INS = {
    # Without owner and group.
    "install": 'a=(); while (($#)); do case $1 in -o|-g) shift ;; *) a+=("$1") ;; esac; shift; done\n'
               'exec /usr/bin/install "${a[@]}"',
    "chown": "exit 0",
    "useradd": "exit 0",
    "systemctl": 'echo "$*" >>"$STORY/systemctl.log"; [[ $* != *is-active* ]] || echo active',
    "ssh-keyscan": 'exec /usr/bin/ssh-keyscan -p "$STORY_PORT" "$@"',
    "ssh": 'exec /usr/bin/ssh -p "$STORY_PORT" "$@"',
}


class Sshd:
    """Answers each connection with an `sshd -i`, so that no port has to be guessed."""

    def __init__(self, root, environment):
        self.log = root / "sshd.log"
        self.config = root / "sshd_config"
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        key = root / "etc/ssh/ssh_host_ed25519_key"
        key.parent.mkdir(parents=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        variables = " ".join(f'"{name}={value}"' for name, value in environment.items())
        self.config.write_text(
            f"HostKey {key}\nAuthorizedKeysFile {root}/home/deploy/.ssh/authorized_keys "
            f"{root}/home/ci/.ssh/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"PermitRootLogin yes\nPrintMotd no\nLogLevel VERBOSE\nSetEnv {variables}\n")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # As root it insists on this folder.
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        sessions = []
        with open(self.log, "ab") as log:
            while True:
                try:
                    connection, _ = self.socket.accept()
                except OSError:  # close() has shut it down.
                    break
                with connection:
                    sessions.append(subprocess.Popen(
                        [SSHD, "-i", "-e", "-f", str(self.config)], stdin=connection,
                        stdout=connection, stderr=log))
            for session in sessions:
                try:
                    session.wait(SECONDS)
                except subprocess.TimeoutExpired:
                    session.kill()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Story:
    """`blocks` have line, language, text, marker; see check_deploying."""

    def __init__(self, root, blocks, switchyard):
        self.root = root
        self.blocks = blocks
        self.problems = []
        programs = root / "bin"
        programs.mkdir()
        for name, script in STAND_INS.items():
            self.program(programs / name, script)
        (programs / "switchyard").symlink_to(switchyard)
        for folder in ["etc/switchyard", "home/deploy", "usr/local/bin", "runner"]:
            (root / folder).mkdir(parents=True)
        self.environment = {
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(root / "home/deploy"), "LC_ALL": "C.UTF-8", "STORY": str(root),
            # Nobody listens there: a command line that is right ends with 3, unreachable.
            "SWITCHYARD_SOCKET": str(root / "no.sock"), "GIT_CONFIG_NOSYSTEM": "1",
        }
        session = {name: self.environment[name] for name in ["PATH", "STORY", "SWITCHYARD_SOCKET"]}
        self.sshd = Sshd(root, session)
        self.environment["STORY_PORT"] = str(self.sshd.port)

    @staticmethod
    def program(path, script):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def here(self, text):
        """The same with the places, addresses and users of this story."""
        text = re.sub(r"10\.10\.0\.[123]", "127.0.0.1", text)
        # As known_hosts has it where the port is not 22.
        text = text.replace("-R 127.0.0.1", f"-R '[127.0.0.1]:{self.sshd.port}'")
        text = re.sub(r"(?<![\w./:-])/(etc|home|usr/local/bin)/", rf"{self.root}/\1/", text)
        return re.sub(r"\b(deploy|ci)@[\w.]+", f"{getpass.getuser()}@127.0.0.1", text)

    def run(self, arguments, folder="runner", **environment):
        run = subprocess.run(arguments, cwd=self.root / folder, capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=SECONDS, check=False,
                             env={**self.environment, **environment})
        return run.returncode, run.stdout, run.stderr

    def expect(self, what, holds, *facts):
        if not holds:
            self.problems.append(f"{what}: {' | '.join(str(fact).strip() for fact in facts)}")
        return holds

    def file(self, name):
        for block in self.blocks:
            if block.marker == f"file: {name}":
                return block.text
        self.problems.append(f"the page has no 'file: {name}'")
        return ""

    def block(self, block, key=None):
        """Runs a block of commands; `key`: the line that the reader fills in."""
        text = self.here(block.text)
        if key:
            text, count = re.subn(r"^key='[^']*'", lambda _: f"key='{key}'", text, flags=re.M)
            self.expect(f"line {block.line}", count == 1, "there is no line key='...'")
        code, out, err = self.run(["bash", "-euo", "pipefail", "-c", text])
        self.expect(f"line {block.line}", code == 0, f"ended with {code}", out, err)
        return out

    def marked(self, marker):
        return [block for block in self.blocks if block.marker == marker]

    def tell(self):
        for part in [self.log_in, self.deploy, self.from_ci]:
            part()
            if self.problems:  # What comes after it builds on it.
                break

    def log_in(self):
        """Steps 3 and 4: keys, known_hosts, the login by hand."""
        shown = {}
        ordered = [b for b in self.blocks
                   if b.marker in ("run on the front", "run on a host")]
        for block in ordered:
            key = None
            if "key='" in block.text:
                key = (self.root / "etc/credstore/deploy-key.pub").read_text().strip()
            shown[block.line] = (block.text, self.block(block, key))
        self.expect("the login by hand", any(
            "is-active" in text and out.strip() == "active" for text, out in shown.values()),
            "no block printed 'active'", self.sshd.log.read_text()[-2000:])
        prints = [set(re.findall(r"SHA256:\S+", out)) for text, out in shown.values()
                  if "ssh-keygen -lf" in text]
        self.expect("the fingerprints", len(prints) == 2 and prints[0] and prints[0] == prints[1],
                    prints)
        self.expect("the key", not (self.root / "etc/credstore/deploy-key").stat().st_mode & 0o77,
                    "others may read it")
        if not self.problems:
            self.restricted()
        last = self.marked("run on the front, last")
        self.expect("known_hosts", len(last) == 1, "no block for a host that was installed anew")
        for block in last:
            self.block(block)
            # Both hosts have one address here: all that was known of it is gone, what is new is in.
            file = self.root / "etc/switchyard/known_hosts"
            known = file.read_text() if file.exists() else ""
            self.expect("known_hosts", known.count("ssh-ed25519") == 1, known)
            self.restricted()

    def restricted(self):
        """The key logs in, to a host that is known, and gets no terminal."""
        code, out, err = self.run([
            "ssh", "-F", "none", "-tt", "-i", str(self.root / "etc/credstore/deploy-key"), "-o",
            "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
            f"UserKnownHostsFile={self.root}/etc/switchyard/known_hosts",
            f"{getpass.getuser()}@127.0.0.1", "echo here"])
        self.expect("the restricted key", code == 255 and not out
                    and "PTY allocation request failed" in err, code, out, err)

    def deploy(self):
        """Step 5: the command of the configuration, on a checkout of a real repository."""
        config = self.file("/etc/switchyard/switchyard.yaml")
        found = re.search(r"^( *)command: \|\n((?:\1 .*\n|\n)+)", config, re.M)
        if not self.expect("the configuration", found, "no 'command: |' in it"):
            return
        command = "\n".join(line.strip() for line in found[2].splitlines())
        home = self.root / "home/deploy"
        origin = self.root / "origin"
        git = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@b.example"]
        steps = [["git", "init", "--quiet", str(origin)]]
        for tag in ["v41", "v42"]:
            steps += [[*git, "commit", "--quiet", "--allow-empty", "--message", tag],
                      [*git, "tag", tag]]
        steps.insert(3, ["git", "clone", "--quiet", str(origin), str(home / "app")])
        for step in steps:
            code, _, err = self.run(step)
            if not self.expect("git", code == 0, step, err):
                return
        self.program(home / "app/.venv/bin/pip", 'echo "$*" >>"$STORY/pip.log"')

        code, out, err = self.run(["sh", "-c", command], "home/deploy", SWITCHYARD_VERSION="v42")
        _, tag, _ = self.run(["git", "-C", str(home / "app"), "describe", "--tags"])
        told = (self.root / "systemctl.log").read_text().splitlines()
        self.expect("the deploy command", code == 0 and tag.strip() == "v42", code, tag, out, err)
        self.expect("the deploy command", told[-1] == "--user restart app"
                    and (self.root / "pip.log").exists(), told)
        for version in ["", "v43", "master", "-f"]:
            code, out, err = self.run(["sh", "-c", command], "home/deploy",
                                      SWITCHYARD_VERSION=version)
            _, tag, _ = self.run(["git", "-C", str(home / "app"), "describe", "--tags"])
            self.expect(f"the deploy command with the version '{version}'",
                        code != 0 and err and tag.strip() == "v42", code, tag, out, err)
        self.expect("the deploy command", len(told) == len(
            (self.root / "systemctl.log").read_text().splitlines()), "restarted without a release")

    def from_ci(self):
        """CI's key runs one program, and the script of the job tells what came of it."""
        key = self.root / "runner/ci_key"
        self.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ci", "-f", str(key)])
        for block in self.marked("run on the front for CI"):
            self.block(block, key.with_suffix(".pub").read_text().strip())
        gate = self.root / "usr/local/bin/ci-deploy"
        gate.write_text(self.file("/usr/local/bin/ci-deploy"))
        gate.chmod(0o755)
        job = self.root / "runner/ci/deploy"
        job.parent.mkdir()
        job.write_text(self.here(self.file("ci/deploy")))
        job.chmod(0o755)
        shutil.copy(self.root / "etc/switchyard/known_hosts", job.parent)

        # All the way: job, ssh, sshd, ci-deploy, switchyard, which finds no daemon.
        code, out, err = self.run(["ci/deploy", "v42"], DEPLOY_KEY=str(key))
        self.expect("ci/deploy v42", code == 3 and "no.sock" in err, code, out, err)
        for version in ["", "--cancel", "v42; touch pwned", "$(touch pwned)"]:
            code, out, err = self.run(["ci/deploy", version], DEPLOY_KEY=str(key))
            self.expect(f"ci/deploy '{version}'", code == 2 and "expected a version" in err,
                        code, out, err)
        fake = self.root / "fake"
        self.program(fake / "ssh", 'exit "$CODE"')
        for code, expected in {0: 0, 1: 1, 2: 2, 3: 3, 4: 0, 5: 0, 255: 255}.items():
            got, out, err = self.run(["ci/deploy", "v42"], DEPLOY_KEY=str(key), CODE=str(code),
                                     PATH=f"{fake}:{self.environment['PATH']}")
            self.expect(f"ci/deploy when ssh ends with {code}",
                        got == expected and bool(err) == (code != 0), got, out, err)

    def close(self):
        self.sshd.close()


def tell(root, blocks, switchyard):
    """Lines that say where the story does not go as the page says."""
    story = Story(pathlib.Path(root), blocks, switchyard)
    try:
        story.tell()
    finally:
        story.close()
    return story.problems

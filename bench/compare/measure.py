"""One measurement: CPU time per request, memory per idle connection, or system calls."""

import json
import re
import signal
import subprocess
import threading

import contestants


def load(binaries, contestant, scene, *extra, connections=None):
    """Runs the load generator once; returns its figures."""
    port = contestant.port_for(scene)
    command = [binaries["load"], *scene.load_arguments(port, connections), *extra]
    result = subprocess.run(command, preexec_fn=contestants.pinned(contestants.LOAD_CORE),
                            capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise RuntimeError(f"{contestant.name}, {scene.name}: {result.stderr.strip()}")
    return json.loads(result.stdout)


def cpu_time(binaries, contestant, scene, seconds):
    """Microseconds of CPU time per request, with what else the load generator saw."""
    figures = load(binaries, contestant, scene, "--seconds", str(seconds),
                   "--pid", str(contestant.pid()))
    return {
        "cpu_us": figures["cpu_seconds"] * 1e6 / figures["requests"],
        "requests_per_second": figures["requests"] / figures["seconds"],
        "busy": figures["cpu_seconds"] / figures["seconds"],
        "p50_us": figures["p50_us"],
        "p99_us": figures["p99_us"],
    }


def at_rate(binaries, contestant, scene, rate, seconds):
    """The same with requests that are due at a rate, and times from when each was due."""
    figures = load(binaries, contestant, scene, "--seconds", str(seconds), "--rate", str(rate),
                   "--pid", str(contestant.pid()))
    return {
        "cpu_us": figures["cpu_seconds"] * 1e6 / figures["requests"],
        "requests_per_second": figures["requests"] / figures["seconds"],
        "p50_us": figures["p50_us"],
        "p99_us": figures["p99_us"],
        "p999_us": figures["p999_us"],
        "late_p99_us": figures["late_p99_us"],
        "late_p999_us": figures["late_p999_us"],
        "due": figures["due"],
        "sent": figures["sent"],
        "answered": figures["answered"],
        "queued_percent": 100 * figures["queued"] / figures["due"],
    }


def rollup_kib(pid, field):
    """A line of a process' smaps_rollup, in KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    raise RuntimeError(f"no {field} in /proc/{pid}/smaps_rollup")


def pss_kib(pid):
    """Memory of a process in KiB; pages that it shares are divided among those that share them."""
    return rollup_kib(pid, "Pss")


def own_kib(pid):
    """Memory that a process has for itself alone (heap, stacks), in KiB; its program is not in."""
    return rollup_kib(pid, "Anonymous")


class MemoryPeak:
    """The most of own_kib() while the block runs: `with MemoryPeak(pid) as peak: ...; peak.kib`."""

    def __init__(self, pid, pause=0.1):
        self.pid = pid
        self.pause = pause
        self.kib = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.ended.wait(self.pause):
            self.kib = max(self.kib, own_kib(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.thread.join()


def idle_memory(binaries, contestant, scene):
    """KiB per connection that has had one request and is idle now. Starts the contestant anew."""
    contestant.stop()
    contestant.start()
    port = contestant.tls_port if scene.tls else contestant.port
    # What the first requests cost once and for all does not belong to the connections.
    warm_up = [binaries["load"], "--connect", f"127.0.0.1:{port}", "--path", "/1024", "--expect",
               "1024", "--connections", "16", "--seconds", "0.2"] + (["--tls"] if scene.tls else [])
    subprocess.run(warm_up, check=True, capture_output=True, timeout=60)
    before = pss_kib(contestant.pid())
    holder = subprocess.Popen([binaries["load"], *scene.load_arguments(port)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{contestant.name}, {scene.name}: the connections were not kept")
        after = pss_kib(contestant.pid())
    finally:
        left, _ = holder.communicate()
    if int(left or 0) != scene.connections:
        raise RuntimeError(f"{contestant.name}, {scene.name}: only {left} connections stayed open")
    return {"kib": (after - before) / scene.connections}


def system_calls(binaries, contestant, scene, seconds):
    """System calls per request by name, from strace -c -f."""
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(contestant.pid())],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    first = tracer.stderr.readline()
    if "attached" not in first:
        tracer.wait()
        raise RuntimeError(f"strace: {first.strip()}")
    figures = load(binaries, contestant, scene, "--seconds", str(seconds), "--warm-up", "0")
    tracer.send_signal(signal.SIGINT)
    table = tracer.communicate()[1]
    calls = {}
    for line in table.splitlines():
        row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_0-9]+)$", line)
        if row and row[2] != "total":
            calls[row[2]] = int(row[1]) / figures["requests"]
    return calls

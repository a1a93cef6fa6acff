"""What the programs of this folder begin with: choices, binaries, certificate, origin."""

import os
import platform
import subprocess
import sys
import time

import contestants
import scenes as scene_list

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def circumstances(running, options):
    """What figures are worth nothing without: when, on what, of what, and for how long."""
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True)
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"kernel": platform.release().split("-")[0], "cores": os.cpu_count()},
        "commit": commit.stdout.strip() or None,
        "versions": {contestant.name: contestant.version() for contestant in running},
        "rounds": options.rounds,
        "seconds": options.seconds,
    }


def chosen_scenes(text):
    chosen = []
    for word in text.split(","):
        found = [scene for name, scene in scene_list.ALL.items()
                 if word in ("all", name) or name.split("-")[0] == word]
        if not found:
            sys.exit(f"unknown scene '{word}'; there are: {', '.join(scene_list.ALL)}")
        chosen += [scene for scene in found if scene not in chosen]
    return chosen


def chosen_contestants(text):
    names = text.split(",")
    for name in names:
        if name not in contestants.ALL:
            sys.exit(f"unknown contestant '{name}'; there are: {', '.join(contestants.ALL)}")
    return names


def needs_daemon(names):
    return any(issubclass(contestants.ALL[name], contestants.Switchyard) for name in names)


def find_binaries(build, names):
    if build is None:
        build = os.path.join(ROOT, "build", "release")
        targets = ["switchyard-bench-load", "switchyard-bench-origin", "switchyard-bench-floor"]
        if needs_daemon(names):
            targets.append("switchyardd")
        if not os.path.exists(os.path.join(build, "build.ninja")):
            subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True)
        subprocess.run(["cmake", "--build", build, "--target", *targets], check=True)
    bench = os.path.join(os.path.abspath(build), "bench", "compare", "switchyard-bench-")
    binaries = {name: bench + name for name in ("load", "origin", "floor")}
    binaries["switchyardd"] = os.path.join(os.path.abspath(build), "proxy", "switchyardd")
    needed = ["load", "origin"] + (["floor"] if "floor" in names else []) + (
        ["switchyardd"] if needs_daemon(names) else [])
    for name in needed:
        if not os.access(binaries[name], os.X_OK):
            sys.exit(f"{binaries[name]} is missing; build it first, or leave out --build")
    return binaries


def require_programs(names, more):
    """Ends, and says how to install it, when a program that the run needs is not there."""
    needed = {contestants.ALL[name].needs for name in names} | {"openssl", *more}
    missing = sorted(name for name in needed - {None} if not contestants.find(name))
    if missing:
        sys.exit(f"bench/compare: not installed: {', '.join(missing)}\n"
                 "bench/compare: cmake/install-packages cmake/packages-bench.txt installs what a "
                 "comparison needs; --contestants floor,switchyard does without the peers")


def make_certificate(directory):
    certificate = os.path.join(directory, "certificate.pem")
    key = os.path.join(directory, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "30", "-subj", "/CN=bench.example", "-addext",
         "subjectAltName=DNS:bench.example", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key


def start_neighbour():
    """A program that never rests, on the core of the proxy: whoever is there is out of time before
    those who load it are."""
    return subprocess.Popen([sys.executable, "-c", "while True: pass"],
                            preexec_fn=contestants.pinned(contestants.PROXY_CORE))


def start_origin(binaries, address="127.0.0.1"):
    origin = subprocess.Popen([binaries["origin"], f"{address}:0"], stdout=subprocess.PIPE,
                              preexec_fn=contestants.pinned(contestants.LOAD_CORE), text=True)
    return origin, int(origin.stdout.readline())

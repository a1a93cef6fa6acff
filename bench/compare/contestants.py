"""The programs that are compared: how each is configured, started and measured.

Every contestant gets the same: one worker, no access log (but those named after it), kept-alive
connections to the origin, no TLS tickets and no session cache, a P-256 certificate, a plain, an
HTTP/2 (prior knowledge) and a TLS port on 127.0.0.1.
"""

import os
import shutil
import signal
import socket
import subprocess
import time

PROXY_CORE = 0
LOAD_CORE = 1
KEEP_FOREVER = 1_000_000_000


def pinned(core):
    """What a child does before exec: run on one core, and end with its parent's group."""
    def setup():
        os.sched_setaffinity(0, {core % os.cpu_count()})
    return setup


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{process.args[0]} does not listen on port {port}")


class Contestant:
    """A proxy in front of the benchmark's origin."""

    name = ""
    needs = None  # a program that does not come with this checkout
    has_tls = True
    has_h2 = True
    by_default = True

    def __init__(self, directory, origin_port, certificate, key, binaries):
        self.directory = os.path.join(directory, self.name)
        os.makedirs(self.directory, exist_ok=True)
        self.origin = f"127.0.0.1:{origin_port}"
        self.certificate = certificate
        self.key = key
        self.binaries = binaries
        self.port = 0
        self.tls_port = 0
        self.h2c_port = 0
        self.process = None

    def start(self):
        self.port = free_port()
        self.tls_port = free_port()
        self.h2c_port = free_port()
        with open(os.path.join(self.directory, "output.log"), "ab") as log:
            self.process = subprocess.Popen(
                self.command(), preexec_fn=pinned(PROXY_CORE), cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for_port(self.port, self.process)
            if self.has_tls:
                wait_for_port(self.tls_port, self.process)
            if self.has_h2:
                wait_for_port(self.h2c_port, self.process)
        except RuntimeError as error:
            with open(os.path.join(self.directory, "output.log"), errors="replace") as log:
                raise RuntimeError(f"{error}\n{log.read()[-2000:]}") from None

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def pid(self):
        """The process that does the work."""
        return self.process.pid

    def port_for(self, scene):
        if scene.tls:
            return self.tls_port
        return self.h2c_port if scene.streams else self.port

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self):
        raise NotImplementedError

    def version(self):
        return ""


class Floor(Contestant):
    name = "floor"
    has_tls = False
    has_h2 = False

    def command(self):
        return [self.binaries["floor"], f"127.0.0.1:{self.port}", self.origin]


class Nginx(Contestant):
    name = "nginx"
    needs = "nginx"
    buffers = ""  # as they come
    access_log = "off"

    def command(self):
        # As root nginx would drop to a user that cannot write here.
        user = "user root;" if os.geteuid() == 0 else ""
        proxy = f"""
            location / {{
                proxy_pass http://origin;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host $host;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_request_buffering off;
                proxy_max_temp_file_size 0;
                {self.buffers}
            }}"""
        path = self.write("nginx.conf", f"""
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
pid {self.directory}/nginx.pid;
error_log {self.directory}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log {self.access_log.format(directory=self.directory)};
    server_tokens off;
    tcp_nodelay on;
    keepalive_timeout 300s;
    keepalive_requests {KEEP_FOREVER};
    client_max_body_size 0;
    client_body_temp_path {self.directory}/body;
    proxy_temp_path {self.directory}/proxy;
    fastcgi_temp_path {self.directory}/fastcgi;
    uwsgi_temp_path {self.directory}/uwsgi;
    scgi_temp_path {self.directory}/scgi;
    upstream origin {{
        server {self.origin};
        keepalive 1024;
        keepalive_requests {KEEP_FOREVER};
        keepalive_timeout 300s;
    }}
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;{proxy}
    }}
    server {{
        listen 127.0.0.1:{self.h2c_port} http2 backlog=4096;{proxy}
    }}
    server {{
        listen 127.0.0.1:{self.tls_port} ssl http2 backlog=4096;
        ssl_certificate {self.certificate};
        ssl_certificate_key {self.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache off;
        ssl_session_tickets off;{proxy}
    }}
}}
""")
        return [program("nginx"), "-c", path, "-p", self.directory, "-g", "daemon off;"]

    def pid(self):
        master = self.process.pid
        with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as children:
            return int(children.read().split()[0])

    def version(self):
        result = subprocess.run([program("nginx"), "-v"], capture_output=True, text=True)
        return result.stderr.strip().rpartition("/")[2]


class NginxLogged(Nginx):
    """With a line in the access log for each request, buffered as ours are."""

    name = "nginx-log"
    by_default = False
    access_log = "{directory}/access.log combined buffer=64k flush=1s"


class NginxBigBuffers(Nginx):
    """For those who tune: better at long answers, at the price of memory."""

    name = "nginx-64k"
    by_default = False
    buffers = ("proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k; "
               "client_body_buffer_size 64k;")


class Haproxy(Contestant):
    name = "haproxy"
    bodies = ""
    needs = "haproxy"
    buffers = ""

    def command(self):
        pem = os.path.join(self.directory, "both.pem")
        with open(pem, "wb") as both:
            for part in (self.certificate, self.key):
                with open(part, "rb") as file:
                    both.write(file.read())
        path = self.write("haproxy.cfg", f"""
global
    nbthread 1
    maxconn 4096
    ssl-default-bind-options no-tls-tickets ssl-min-ver TLSv1.2
    tune.ssl.cachesize 0
    {self.buffers}
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
    http-reuse always
    option forwardfor
    {self.bodies}
frontend plain
    bind 127.0.0.1:{self.port} backlog 4096
    default_backend origin
frontend encrypted
    bind 127.0.0.1:{self.tls_port} ssl crt {pem} alpn h2,http/1.1 backlog 4096
    default_backend origin
frontend h2c
    bind 127.0.0.1:{self.h2c_port} proto h2 backlog 4096
    default_backend origin
backend origin
    server one {self.origin} pool-max-conn 1024 pool-purge-delay 300s
""")
        return [program("haproxy"), "-db", "-f", path]

    def version(self):
        result = subprocess.run([program("haproxy"), "-v"], capture_output=True, text=True)
        return result.stdout.split("version ", 1)[-1].split(" ", 1)[0]


class HaproxyBigBuffers(Haproxy):
    name = "haproxy-64k"
    by_default = False
    buffers = "tune.bufsize 65536"


class HaproxySplice(Haproxy):
    name = "haproxy-splice"
    by_default = False
    bodies = "option splice-auto"


class Switchyard(Contestant):
    name = "switchyard"
    more = ""  # keys of the configuration

    def command(self):
        path = self.write("switchyard.yaml", f"""
workers: 1
listeners:
  - address: "127.0.0.1:{self.port}"
  - {{ address: "127.0.0.1:{self.h2c_port}", h2c: true }}
  - address: "127.0.0.1:{self.tls_port}"
    tls:
      session_tickets: false
      certificates:
        - {{ certificate: {self.certificate}, key: {self.key} }}
admin:
  socket: {self.directory}/admin.sock
state: {self.directory}/state.db
timeouts: {{ keep_alive: 300s }}
log: {{ level: warn }}
{self.more.format(directory=self.directory)}
services:
  bench:
    hosts: ["*"]
    max_idle_connections: 1024
    slots:
      blue: {{ targets: ["{self.origin}"] }}
      green: {{ targets: ["127.0.0.1:9"] }}
""")
        return [self.binaries["switchyardd"], "--config", path]

    def version(self):
        result = subprocess.run([self.binaries["switchyardd"], "--version"],
                                capture_output=True, text=True)
        return result.stdout.strip().rpartition(" ")[2]


class SwitchyardLogged(Switchyard):
    """With a line in the access log for each request."""
    name = "switchyard-log"
    by_default = False
    more = "access_log: {{ path: {directory}/access.log }}"


ALL = {kind.name: kind for kind in (Floor, Nginx, Haproxy, Switchyard, SwitchyardLogged,
                                    NginxLogged, NginxBigBuffers, HaproxyBigBuffers, HaproxySplice)}
DEFAULT = [name for name, kind in ALL.items() if kind.by_default]


def find(name):
    """The path of a program, or None. Debian keeps servers in /usr/sbin, which is not on
    everybody's path."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def program(name):
    found = find(name)
    if not found:
        raise RuntimeError(f"{name} is not installed")
    return found

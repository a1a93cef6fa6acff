"""What is measured: each scene is one kind of request, repeated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    name: str
    title: str
    size: int                     # bytes of every answer
    tls: bool = False
    post: int = 0                 # bytes of every request's body
    new_connection: bool = False
    connections: int = 64
    streams: int = 0              # of each connection, over HTTP/2; 0: HTTP/1.1
    idle: bool = False            # memory instead of time

    def load_arguments(self, port, connections=None):
        arguments = ["--connect", f"127.0.0.1:{port}", "--path", f"/{self.size}",
                     "--expect", str(self.size),
                     "--connections", str(connections or self.connections)]
        if self.tls:
            arguments.append("--tls")
        if self.streams:
            arguments += ["--h2", str(self.streams)]
        if self.post:
            arguments += ["--post", str(self.post)]
        if self.new_connection:
            arguments.append("--new-connection")
        if self.idle:
            arguments.append("--idle")
        return arguments


ALL = {scene.name: scene for scene in (
    Scene("h1-1k", "h1, 1 KiB, keep-alive", 1024),
    Scene("h1-16k", "h1, 16 KiB, keep-alive", 16 * 1024),
    Scene("h1-1m", "h1, 1 MiB, keep-alive", 1024 * 1024),
    Scene("h1-post-16k", "h1, POST 16 KiB", 2, post=16 * 1024),
    Scene("h1-new", "h1, new connection a request", 1024, new_connection=True),
    Scene("tls-1k", "TLS, 1 KiB, keep-alive", 1024, tls=True),
    Scene("tls-1m", "TLS, 1 MiB, keep-alive", 1024 * 1024, tls=True),
    Scene("tls-handshake", "TLS, full handshake a request", 1024, tls=True, new_connection=True),
    Scene("h2-1k", "h2, 1 KiB, 16 connections x 32", 1024, tls=True, connections=16, streams=32),
    Scene("h2-1m", "h2, 1 MiB, 16 connections x 4", 1024 * 1024, tls=True, connections=16,
          streams=4),
    Scene("h2-post-16k", "h2, POST 16 KiB, 16 connections x 32", 2, tls=True, post=16 * 1024,
          connections=16, streams=32),
    Scene("h2c-1k", "h2c, 1 KiB, 16 connections x 32", 1024, connections=16, streams=32),
    Scene("h2c-1m", "h2c, 1 MiB, 16 connections x 4", 1024 * 1024, connections=16, streams=4),
    Scene("idle-plain", "idle connection, plain", 1024, idle=True, connections=2000),
    Scene("idle-tls", "idle connection, TLS", 1024, idle=True, tls=True, connections=2000),
)}

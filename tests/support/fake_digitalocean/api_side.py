"""HTTP in front of the model: DigitalOcean's paths, and the faults that are about the answer."""

import http.server
import json
import re
import socket
import struct
import time

from model import Problem, not_found, unprocessable

IP_PATH = re.compile(r"^/v2/(reserved_ips|floating_ips|reserved_ipv6)/([0-9a-fA-F.:]+)(/actions)?(?:/(\d+))?$")


class ApiHandler(http.server.BaseHTTPRequestHandler):
    """`server` has `model` and `token`."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    # Routing: what is asked for decides which faults apply.

    def do_GET(self):
        self.handle_request(None)

    def do_POST(self):
        length = int(self.headers.get("content-length", "0"))
        self.handle_request(self.rfile.read(length))

    def what_is_asked(self, path, body):
        match = IP_PATH.match(path)
        if match and self.command == "POST" and match[3] and not match[4]:
            kind = body.get("type") if isinstance(body, dict) else None
            return "assign" if kind == "assign" else "scope_check", match
        if match and self.command == "GET":
            return ("get_action" if match[4] else "get_ip"), match
        if re.fullmatch(r"/v2/actions/\d+", path):
            return "get_action", None
        if path == "/v2/actions":
            return "list_actions", None
        if re.fullmatch(r"/v2/droplets/\d+", path):
            return "get_droplet", None
        if path.startswith("/metadata/"):
            return "metadata", None
        return "other", None

    def handle_request(self, raw):
        path = self.path.split("?")[0]
        body = None
        if raw:
            try:
                body = json.loads(raw)
            except ValueError:
                body = None
        what, match = self.what_is_asked(path, body)
        fault = self.server.model.take_fault(what)
        entry = {"what": what, "method": self.command, "path": self.path, "body": body,
                 "authorized": self.authorized(), "fault": fault["kind"] if fault else None}
        self.server.model.record(entry)
        if fault and self.spoil_before(fault):
            return
        try:
            if what == "metadata":
                self.send_text(self.metadata(path))
                return
            if not entry["authorized"]:
                raise Problem(401, "unauthorized", "Unable to authenticate you")
            self.need_scope(what)
            status, answer = self.answer(what, match, path, body, fault or {})
        except Problem as problem:
            self.send_problem(problem)
            return
        if fault and self.spoil_after(fault, answer):
            return
        self.send_json(status, answer)

    def authorized(self):
        return self.headers.get("authorization") == f"Bearer {self.server.token}"

    def need_scope(self, what):
        needed = {"get_ip": "reserved_ip:read", "assign": "reserved_ip:update",
                  "scope_check": "reserved_ip:update", "get_action": "reserved_ip:read",
                  "list_actions": "actions:read", "get_droplet": "droplet:read"}
        if what in needed and needed[what] not in self.server.model.scopes:
            raise Problem(403, "forbidden", "You are not authorized to perform this operation")

    def answer(self, what, match, path, body, fault):
        model = self.server.model
        if what == "get_ip":
            return 200, model.look(match[2], match[1] == "floating_ips")
        if what == "get_action":
            return 200, model.action(int(path.rsplit("/", 1)[1]), match[2] if match else None)
        if what == "list_actions":
            return 200, model.list_actions()
        if what == "get_droplet":
            return 200, model.droplet(int(path.rsplit("/", 1)[1]))
        if what == "assign":
            droplet = body.get("droplet_id")
            if not isinstance(droplet, int):
                raise unprocessable("droplet_id is missing or no number.")
            return 201, model.assign(match[2], droplet, fault)
        if what == "scope_check":
            model.find(match[2])
            raise unprocessable("The action's type is invalid.")
        raise not_found()

    def metadata(self, path):
        known = self.server.model.metadata
        values = {"/metadata/v1/id": "id", "/metadata/v1/reserved_ip/ipv4/active": "active",
                  "/metadata/v1/reserved_ip/ipv6/active": "active",
                  "/metadata/v1/interfaces/public/0/anchor_ipv4/address": "anchor"}
        if path not in values or values[path] not in known:
            raise not_found()
        return str(known[values[path]])

    # Faults.

    def spoil_before(self, fault):
        """True: the answer was given (or denied), and nothing else happens."""
        kind = fault["kind"]
        if kind == "status":
            texts = {401: ("unauthorized", "Unable to authenticate you"),
                     403: ("forbidden", "You are not authorized to perform this operation"),
                     404: ("not_found", "The resource you were accessing could not be found."),
                     422: ("unprocessable_entity", "Droplet already has a pending event."),
                     429: ("too_many_requests", "API Rate limit exceeded."),
                     500: ("server_error", "Server Error")}
            ident, message = texts.get(fault["status"], ("server_error", "Server Error"))
            problem = Problem(fault["status"], ident, fault.get("message", message))
            self.send_problem(problem, fault.get("headers", {}), fault.get("reset_in"))
        elif kind == "html":
            self.send_raw(fault.get("status", 502), "text/html",
                          b"<html><body><h1>502 Bad Gateway</h1></body></html>")
        elif kind == "garbage":
            self.send_raw(200, "application/json", b'{"reserved_ip": {"ip": ')
        elif kind == "reset":
            self.reset()
        elif kind == "drip":
            self.drip()
        elif kind == "huge":
            self.send_raw(200, "application/json", b" " * (4 * 1024 * 1024))
        elif kind == "redirect":
            self.send_raw(302, "text/plain", b"", {"Location": "http://127.0.0.1:1/"})
        elif kind == "echo_token":
            header = self.headers.get("authorization", "")
            self.send_problem(Problem(500, "server_error", "failed for " + header))
        else:
            return False
        return True

    def spoil_after(self, fault, answer):
        """The same, for faults of a request that took effect."""
        kind = fault["kind"]
        if kind == "reset_after":
            self.reset()
        elif kind == "status_after":
            self.send_problem(Problem(fault["status"], "server_error", "Server Error"))
        elif kind == "html_after":
            self.send_raw(502, "text/html", b"<html><body>502 Bad Gateway</body></html>")
        elif kind == "no_droplet":
            for value in answer.values():
                value.pop("droplet", None)
            self.send_json(200, answer)
        elif kind == "word":
            answer["action"]["status"] = fault["word"]
            self.send_json(200, answer)
        else:
            return False
        return True

    def reset(self):
        """The client sees "connection reset": no FIN, but an RST."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()

    def drip(self):
        """A byte now and then, until the client has had enough."""
        self.close_connection = True
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    # Sending.

    def send_problem(self, problem, headers=None, reset_in=None):
        body = {"id": problem.ident, "message": problem.message,
                "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9"}
        self.send_json(problem.status, body, headers, reset_in)

    def send_json(self, status, answer, headers=None, reset_in=None):
        self.send_raw(status, "application/json; charset=utf-8", json.dumps(answer).encode(),
                      headers, reset_in)

    def send_text(self, text):
        self.send_raw(200, "text/plain", text.encode())

    def send_raw(self, status, kind, body, headers=None, reset_in=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ratelimit-limit", "5000")
        self.send_header("ratelimit-remaining", "0" if status == 429 else "4987")
        if reset_in is not False:
            ahead = 3600 if reset_in is None else reset_in
            self.send_header("ratelimit-reset", str(int(time.time() + ahead)))
        for name, value in (headers or {}).items():
            self.send_header(name, str(value))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

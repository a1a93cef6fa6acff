"""Chromium without a window, driven by the DevTools protocol over a pipe."""

import collections
import contextlib
import json
import os
import select
import subprocess
import tempfile
import time

PATIENCE = 30  # Seconds that only a broken program reaches.


class BrowserError(Exception):
    """The browser did not do what was asked."""


class Chromium:
    """One browser. Its contexts share nothing: cookies, connections, storage."""

    def __init__(self, program, trusted_keys):
        """`trusted_keys`: SHA-256 of public keys in base64, whose certificates are good."""
        self._profile = tempfile.TemporaryDirectory(prefix="switchyard-browser-",
                                                    ignore_cleanup_errors=True)
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        command = [program, "--headless=new", "--remote-debugging-pipe", "--no-first-run",
                   "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
                   "--disable-background-networking", "--disable-component-update",
                   "--disable-sync", "--no-default-browser-check", "--no-proxy-server",
                   f"--user-data-dir={self._profile.name}",
                   f"--ignore-certificate-errors-spki-list={','.join(trusted_keys)}"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium's own has to be set up by another user.

        # The protocol wants descriptors 3 and 4; first out of the way, they may be just these.
        def arrange():
            high_in = os.dup2(to_browser, 100)
            high_out = os.dup2(from_browser, 101)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, preexec_fn=arrange, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=self._log,
            env={**os.environ, "HOME": self._profile.name})
        os.close(to_browser)
        os.close(from_browser)
        self._bytes = b""
        self._next = 0
        self._answers = {}
        self._pages = {}
        self.version = self.call("Browser.getVersion")["product"]

    def close(self):
        with contextlib.suppress(BrowserError, OSError):
            self.call("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._log.close()
        self._profile.cleanup()

    def new_page(self):
        """An empty page in a context of its own, as a private window is."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, session["sessionId"])
        self._pages[session["sessionId"]] = page
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        return page

    def call(self, method, session=None, **parameters):
        """Sends a command and waits for its answer; events go to their pages meanwhile."""
        self._next += 1
        number = self._next
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self._out, data):]
        except BrokenPipeError:
            raise BrowserError(f"Chromium has ended: {self.log()}") from None
        deadline = time.monotonic() + PATIENCE
        while number not in self._answers:
            self.receive(deadline, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def receive(self, deadline, what):
        """Waits for messages and takes them."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._in], [], [], left)[0]:
            raise BrowserError(f"Chromium did not answer {what} in time: {self.log()}")
        piece = os.read(self._in, 65536)
        if not piece:
            raise BrowserError(f"Chromium has ended: {self.log()}")
        *messages, self._bytes = (self._bytes + piece).split(b"\0")
        for text in messages:
            message = json.loads(text)
            if "id" in message:
                self._answers[message["id"]] = message
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].on_event(message["method"], message["params"])

    def log(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:]


class Page:
    """One tab. `problems` is what went wrong in it, each with its text."""

    def __init__(self, browser, session):
        self._browser = browser
        self._session = session
        self._requests = {}
        self._loads = 0
        self.problems = []
        self.protocols = collections.Counter()  # Of answers, by what they came over.
        self.sockets = 0                        # WebSockets whose upgrade was accepted.

    def call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def open(self, url):
        """Loads a page and waits until it is there, redirects and all."""
        self.call("Page.stopLoading")
        before = self._loads
        result = self.call("Page.navigate", url=url)
        if result.get("errorText"):
            raise BrowserError(f"{url}: {result['errorText']}")
        deadline = time.monotonic() + PATIENCE
        while self._loads == before:
            self._browser.receive(deadline, f"the load of {url}")

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def wait(self, what, condition, patience=PATIENCE):
        """Until a JavaScript expression is true. The page itself looks, once a frame or so."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            # A page that is being replaced has no answer; the next one has.
            with contextlib.suppress(BrowserError):
                if self.evaluate(f"""new Promise(done => {{
                        let looks = 0;
                        const look = () => {{
                            if ({condition}) done(true);
                            else if (++looks === 20) done(false);
                            else setTimeout(look, 20);
                        }};
                        look();
                    }})"""):
                    return
        seen = self.evaluate("JSON.stringify(window.page)")
        raise BrowserError(f"{what}: it did not come. The page has seen {seen}")

    def cookies(self):
        return self.call("Network.getCookies")["cookies"]

    def screenshot(self, path):
        import base64
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def on_event(self, method, event):
        if method == "Page.loadEventFired":
            self._loads += 1
        elif method == "Network.requestWillBeSent":
            self._requests[event["requestId"]] = event["request"]["url"]
        elif method == "Network.responseReceived":
            response = event["response"]
            if response["url"].startswith("https:"):
                self.protocols[response.get("protocol", "")] += 1
                if response["status"] >= 400:
                    self.problems.append(f"{response['url']}: status {response['status']}")
        elif method == "Network.webSocketHandshakeResponseReceived":
            self.sockets += 1
        elif method == "Network.webSocketFrameError":
            self.problems.append(f"WebSocket: {event['errorMessage']}")
        elif method == "Network.loadingFailed" and not event.get("canceled"):
            url = self._requests.get(event["requestId"], "?")
            self.problems.append(f"{url}: {event['errorText']}")
        elif method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.problems.append(event["entry"]["text"])

"""Requests that run all the time, and what is wrong with their answers."""

import http.client
import threading
import time

PATIENCE = 60


class Clients:
    """Threads that ask again and again: quick requests, and long ones that a drain waits for."""

    def __init__(self, timeline, daemon):
        self._timeline = timeline
        self._daemon = daemon
        self._condition = threading.Condition()
        self._problem = None
        self._kills = 0
        self._dead = False  # Between a kill and the restart: failures mean nothing.
        self._stopped = False
        self._newest = None  # (step at which the request began, colour) of the last answer
        self.answers = 0
        self._threads = [threading.Thread(target=self._run, args=(path,), daemon=True)
                         for path in ("/", "/", "/sleep?ms=30", "/sleep?ms=200")]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopped = True
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(PATIENCE)

    def expect_failures(self):
        with self._condition:
            self._kills += 1
            self._dead = True

    def expect_success(self):
        with self._condition:
            self._kills += 1
            self._dead = False

    def problem(self):
        with self._condition:
            return self._problem

    def wait_for_answers(self):
        """The slot that answered a request which began after this call did."""
        step = self._timeline.now()
        with self._condition:
            count = self.answers
            came = self._condition.wait_for(
                lambda: self._problem is not None
                or (self.answers > count and self._newest[0] >= step), PATIENCE)
            if not came:
                raise RuntimeError("no request was answered after the restart")
            return self._newest[1]

    def _run(self, path):
        connection, address = None, None
        while not self._stopped:
            with self._condition:
                kills, dead = self._kills, self._dead
            now = self._daemon.address
            if now is None or dead:
                time.sleep(0.002)
                continue
            if connection is None or now != address:
                address = now
                connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
            step = self._timeline.now()
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                self._judge(response, step)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = None
                with self._condition:
                    if kills == self._kills and not self._stopped:
                        self._fail(f"a request failed while the daemon was up: {error!r}")
        if connection is not None:
            connection.close()

    def _judge(self, response, step):
        colour = response.getheader("X-Origin-Colour")
        allowed = self._timeline.allowed_since(step)
        with self._condition:
            if response.status != 200:
                self._fail(f"status {response.status}: {response.getheader('X-Switchyard-Error')}")
            elif colour not in allowed:
                self._fail(f"{colour} answered, allowed was {sorted(allowed)}")
            self.answers += 1
            self._newest = (step, colour)
            self._condition.notify_all()

    def _fail(self, problem):
        self._problem = self._problem or problem
        self._condition.notify_all()

"""Which slot may answer at which time."""

import threading


def other(colour):
    return "green" if colour == "blue" else "blue"


class Timeline:
    """The slots that could be live, step by step. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._steps = [frozenset()]

    def changing(self, live):
        """A change away from `live` begins: either slot may answer."""
        self._add(frozenset((live, other(live))))

    def settled(self, live):
        """The change is acknowledged, or the state was found after a restart."""
        self._add(frozenset((live,)))

    def now(self):
        with self._lock:
            return len(self._steps) - 1

    def allowed_since(self, step):
        """The slots that could answer a request which began at this step and ended now."""
        with self._lock:
            return frozenset().union(*self._steps[step:])

    def _add(self, slots):
        with self._lock:
            self._steps.append(slots)

"""The state behind the fake of DigitalOcean's API: reserved IPs, droplets, actions, and scripted
faults. No HTTP here. One lock protects everything; every method takes it."""

import copy
import datetime
import ipaddress
import threading

ALL_SCOPES = ["reserved_ip:read", "reserved_ip:update", "actions:read", "droplet:read"]
# Past 2^32, so that whoever keeps ids in 32 bits is found out.
FIRST_ACTION = 9_000_000_001


class Problem(Exception):
    """An answer of the API that is no success."""

    def __init__(self, status, ident, message):
        super().__init__(message)
        self.status, self.ident, self.message = status, ident, message


def not_found():
    return Problem(404, "not_found", "The resource you were accessing could not be found.")


def unprocessable(message):
    return Problem(422, "unprocessable_entity", message)


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Model:
    """Time passes by being looked at: an action ends after `looks` answered GETs of its IP or of
    itself, which keeps tests free of waiting."""

    def __init__(self):
        self.lock = threading.RLock()
        self.reset({})

    def reset(self, state):
        with self.lock:
            self.ips = {ip: {"droplet": entry.get("droplet"), "region": entry.get("region", "nyc3"),
                             "pending": None, "late": None}
                        for ip, entry in state.get("ips", {}).items()}
            self.droplets = {int(key): {"region": entry.get("region", "nyc3")}
                             for key, entry in state.get("droplets", {}).items()}
            self.scopes = state.get("scopes", list(ALL_SCOPES))
            self.looks = state.get("looks", 2)
            self.metadata = state.get("metadata", {})
            self.actions = {}
            self.next_action = FIRST_ACTION
            self.faults = []
            self.requests = []

    def change(self, state):
        with self.lock:
            for key in ("scopes", "looks", "metadata"):
                if key in state:
                    setattr(self, key, state[key])

    # Faults.

    def add_faults(self, faults):
        """Each {"on": what, "kind": ..., "times": 1, "skip": 0}; times -1: for ever."""
        with self.lock:
            self.faults += [dict({"times": 1, "skip": 0}, **fault) for fault in faults]

    def clear_faults(self):
        with self.lock:
            self.faults = []

    def take_fault(self, what):
        """The first fault that waits for a request of this kind; used up by it."""
        with self.lock:
            for fault in self.faults:
                if fault["on"] not in (what, "any") or fault["times"] == 0:
                    continue
                if fault["skip"] > 0:
                    fault["skip"] -= 1
                    continue
                fault["times"] -= 1
                return fault
            return None

    # What happens to an IP.

    def find(self, ip):
        if ip not in self.ips:
            raise not_found()
        return self.ips[ip]

    def pass_time(self, entry):
        """One look at an IP or its action went by."""
        if entry["late"]:
            entry["late"]["looks"] -= 1
            if entry["late"]["looks"] <= 0:
                entry["droplet"] = entry["late"]["droplet"]
                entry["late"] = None
        action = entry["pending"]
        if action is None or action["looks"] < 0:
            return
        action["looks"] -= 1
        if action["looks"] <= 0:
            self.end(entry, action)

    def end(self, entry, action):
        entry["pending"] = None
        action["completed_at"] = now()
        script = action["script"]
        if script.get("kind") == "errored":
            action["status"] = "errored"
            return
        action["status"] = script.get("last_word", "completed")
        if script.get("kind") == "completed_early":
            entry["late"] = {"droplet": action["droplet"], "looks": script.get("lag", 3)}
        else:
            entry["droplet"] = action["droplet"]
        if script.get("kind") == "foreign_after":
            entry["droplet"] = script["droplet"]

    def assign(self, ip, droplet, script):
        with self.lock:
            entry = self.find(ip)
            if entry["pending"]:
                raise unprocessable("The floating IP already has a pending event.")
            if droplet not in self.droplets:
                raise not_found()
            if self.droplets[droplet]["region"] != entry["region"]:
                raise unprocessable("The droplet and the reserved IP are in different regions.")
            if any(other["droplet"] == droplet for other in self.ips.values()):
                raise unprocessable("The droplet already has a reserved IP.")
            entry["late"] = None
            ident = self.next_action
            self.next_action += 1
            kind = script.get("kind")
            looks = -1 if kind == "never_ends" else script.get("looks", self.looks)
            action = {"id": ident, "status": script.get("first_word", "in-progress"), "ip": ip,
                      "droplet": droplet, "started_at": now(), "completed_at": None,
                      "looks": looks, "script": script}
            self.actions[ident] = action
            entry["pending"] = action
            answer = self.action_json(action)
            if looks == 0:
                self.end(entry, action)
            return answer

    def reassign(self, ip, droplet):
        """Somebody else does it in the web page; whatever is pending is over."""
        with self.lock:
            entry = self.find(ip)
            if entry["pending"]:
                entry["pending"]["status"] = "completed"
            entry.update(droplet=droplet, pending=None, late=None)

    def release(self, ip):
        """Ends an action that would never end."""
        with self.lock:
            entry = self.find(ip)
            if entry["pending"]:
                self.end(entry, entry["pending"])

    # Answers.

    def look(self, ip, legacy=False):
        with self.lock:
            entry = self.find(ip)
            self.pass_time(entry)
            return self.ip_json(ip, entry, legacy)

    def ip_json(self, ip, entry, legacy):
        droplet = None
        if entry["droplet"] is not None:
            droplet = {"id": entry["droplet"], "name": f"droplet-{entry['droplet']}",
                       "status": "active", "region": self.region_json(entry["region"])}
        if ":" in ip:
            value = {"ip": ip, "region_slug": entry["region"], "reserved_at": now(),
                     "droplet": droplet}
            key = "reserved_ipv6"
        else:
            value = {"ip": ip, "droplet": droplet, "region": self.region_json(entry["region"]),
                     "locked": self.is_locked(entry),
                     "project_id": "746c6152-2fa2-11ed-92d3-27aaa54e4988"}
            key = "floating_ip" if legacy else "reserved_ip"
        if "droplet:read" not in self.scopes:
            del value["droplet"]
        return {key: value}

    @staticmethod
    def is_locked(entry):
        action = entry["pending"]
        return action is not None and action["script"].get("kind") != "unlocked"

    @staticmethod
    def region_json(slug):
        return {"name": slug, "slug": slug, "features": [], "available": True, "sizes": []}

    def action(self, ident, ip=None):
        with self.lock:
            action = self.actions.get(ident)
            if action is None or (ip is not None and action["ip"] != ip):
                raise not_found()
            self.pass_time(self.find(action["ip"]))
            if action["script"].get("kind") == "action_404":
                raise not_found()
            return self.action_json(action)

    def action_json(self, action):
        entry = self.ips[action["ip"]]
        v6 = ":" in action["ip"]
        resource = 0 if v6 else int(ipaddress.IPv4Address(action["ip"]))
        return {"action": {"id": action["id"], "status": action["status"], "type": "assign_ip",
                           "started_at": action["started_at"],
                           "completed_at": action["completed_at"], "resource_id": resource,
                           "resource_type": "reserved_ipv6" if v6 else "reserved_ip",
                           "region": self.region_json(entry["region"]),
                           "region_slug": entry["region"]}}

    def droplet(self, ident):
        with self.lock:
            if ident not in self.droplets:
                raise not_found()
            region = self.region_json(self.droplets[ident]["region"])
            return {"droplet": {"id": ident, "name": f"droplet-{ident}", "status": "active",
                                "region": region}}

    def list_actions(self):
        with self.lock:
            actions = [self.action_json(action)["action"] for action in self.actions.values()]
            return {"actions": actions[-1:], "links": {}, "meta": {"total": len(actions)}}

    # For tests.

    def record(self, entry):
        with self.lock:
            self.requests.append(entry)

    def view(self):
        with self.lock:
            ips = {ip: {"droplet": entry["droplet"], "locked": self.is_locked(entry)}
                   for ip, entry in self.ips.items()}
            return {"ips": ips, "requests": copy.deepcopy(self.requests),
                    "faults_left": sum(1 for fault in self.faults if fault["times"] > 0)}

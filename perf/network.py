"""Two network namespaces, client and server, and a link between them that can be cut
without a word. Needs root and iproute2; the machine's own network is not touched.
"""

import os
import shutil
import subprocess
import sys

import rig

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"

def require():
    """Ends the script with what is missing."""
    if os.geteuid() != 0:
        sys.exit("network namespaces need root: run it as root, or leave half-open out of --cases")
    if not shutil.which("ip"):
        sys.exit("ip is missing: install iproute2, or leave half-open out of --cases")


class Network:
    """To be used in `with`: the namespaces go with the block, also after a failure."""

    def __init__(self):
        self.server, self.client = (f"splashdam-perf-{os.getpid()}-{role}" for role in ("server", "client"))

    def __enter__(self):
        try:
            for namespace in (self.server, self.client):
                run("ip", "netns", "add", namespace)
                run("ip", "-n", namespace, "link", "set", "lo", "up")
            run("ip", "-n", self.client, "link", "add", "uplink", "type", "veth",
                "peer", "name", "uplink", "netns", self.server)
            for namespace, address in ((self.server, SERVER), (self.client, CLIENT)):
                run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "uplink")
                run("ip", "-n", namespace, "link", "set", "uplink", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def silence(self):
        """From now on the client neither sends nor hears anything, as one that lost its power.

        What the server sends it goes to a device that takes all of it, as a network card
        does. Over the link itself not more than `net.core.netdev_max_backlog` (1000) probes
        would pass at once, and the kernel does not count a probe that was lost in this
        machine, but tries again half a second later.
        """
        try:
            run("ip", "-n", self.server, "link", "add", "nowhere", "type", "dummy")
        except rig.Failed:  # not every kernel has it; this one drops what nobody redirected to it
            run("ip", "-n", self.server, "link", "add", "nowhere", "type", "ifb")
        run("ip", "-n", self.server, "link", "set", "nowhere", "up")
        run("ip", "-n", self.server, "route", "add", f"{CLIENT}/32", "dev", "nowhere", "src", SERVER)
        run("ip", "-n", self.client, "link", "set", "uplink", "down")

    def __exit__(self, *_):
        for namespace in (self.client, self.server):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=30)


def run(*command):
    """Runs a program that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise rig.Failed(f"{' '.join(command)}: {done.stderr.strip()}")

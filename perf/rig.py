"""What perf/run, perf/latency, perf/connections and perf/udp have in common: the daemons that are measured,
their CPU time and memory, and the facts of the machine.

Standard library only; Linux only.
"""

import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PERF = pathlib.Path(__file__).resolve().parent
DEFAULT_BINARY = PERF.parent / "target" / "release" / "splashdam"

# Both daemons get this main queue, except in a "-stock" peer.
QUEUE = 'main_queue(queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="4096")'

PRI_BYTES = len("<13>")  # not in the file: RSYSLOG_TraditionalFileFormat leaves it out

START_TIMEOUT_S = 15
STOP_TIMEOUT_S = 15
# A file that has not grown for so long will not: what is not in it is lost.
STALL_TIMEOUT_S = 15


class Failed(Exception):
    """A measurement that gave no number."""


def find_rsyslogd():
    """Path of the distribution's rsyslogd, or None."""
    return shutil.which("rsyslogd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def parse_splashdam(values):
    """["LABEL=PATH", "PATH", ...] -> {label: path}; the default build where empty."""
    peers = {}
    for value in values or [str(DEFAULT_BINARY)]:
        label, separator, path = value.partition("=")
        if not separator:
            label, path = "splashdam", value
        if label in peers or label.startswith(("rsyslog", "raw")) or label.endswith("-stock"):
            sys.exit(f"the label {label!r} is taken: give each build its own, LABEL=PATH")
        if not os.access(path, os.X_OK):
            sys.exit(f"{path} is missing: build it with `cargo build --release`, or give --splashdam PATH")
        # A daemon is started in a directory of its own.
        peers[label] = os.path.abspath(path)
    return peers


class CpuBudget:
    """So many cores' time at most for the processes of a control group: one of its own, or,
    in version 2, where a process is in one only, that of its account."""

    PERIOD_US = 10_000

    def __init__(self, name, cores, account):
        quota = int(cores * self.PERIOD_US)
        self.own = None
        try:
            if account.source == "cgroup v2":
                (account.directory / "cpu.max").write_text(f"{quota} {self.PERIOD_US}")
                return
            self.own = pathlib.Path("/sys/fs/cgroup/cpu") / f"splashdam-budget-{os.getpid()}-{name}"
            self.own.mkdir()
            (self.own / "cpu.cfs_period_us").write_text(str(self.PERIOD_US))
            (self.own / "cpu.cfs_quota_us").write_text(str(quota))
        except OSError as error:
            raise Failed(f"no control group limits CPU time here: {error}")

    def enter(self):
        """To be called in the child before exec."""
        if self.own:
            (self.own / "cgroup.procs").write_text("0")

    def close(self):
        if self.own:
            remove_group(self.own)


def remove_group(directory):
    for _ in range(100):
        try:
            directory.rmdir()
            return
        except OSError:  # the last thread has not quite gone
            time.sleep(0.02)


class CpuAccount:
    """CPU time of a process and all its threads, io_uring's kernel workers included.

    A control group of its own counts in nanoseconds; /proc/PID/stat, where there is
    none to be had, in clock ticks.
    """

    def __init__(self, name):
        self.directory, self.usage, self.pid, self.final_s = None, None, None, None
        for base, usage in (
            ("/sys/fs/cgroup/cpuacct", self._v1),
            ("/sys/fs/cgroup/cpu,cpuacct", self._v1),
            ("/sys/fs/cgroup", self._v2),
        ):
            if usage == self._v2 and not os.path.exists(f"{base}/cgroup.controllers"):
                continue
            directory = pathlib.Path(base) / f"splashdam-perf-{os.getpid()}-{name}"
            try:
                directory.mkdir()
            except OSError:
                continue
            self.directory, self.usage = directory, usage
            break

    @property
    def source(self):
        return {None: "proc", self._v1: "cgroup v1", self._v2: "cgroup v2"}[self.usage]

    def enter(self):
        """To be called in the child before exec."""
        if self.directory:
            (self.directory / "cgroup.procs").write_text("0")

    def seconds(self):
        if self.usage:
            return self.usage()
        if self.final_s is not None:
            return self.final_s
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self):
        """To be called when the process has ended but not been waited for: /proc forgets it then."""
        self.final_s = self.seconds()

    def _v1(self):
        return int((self.directory / "cpuacct.usage").read_text()) / 1e9

    def _v2(self):
        for line in (self.directory / "cpu.stat").read_text().splitlines():
            key, value = line.split()
            if key == "usage_usec":
                return int(value) / 1e6
        raise Failed("cpu.stat has no usage_usec")

    def close(self):
        if self.directory:
            remove_group(self.directory)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port, pid, protocol="tcp"):
    """Whether a socket listens on the port in the process's network namespace; without
    connecting, which would count as a client."""
    state = {"tcp": "0A", "udp": "07"}[protocol]
    for table in (f"/proc/{pid}/net/{protocol}", f"/proc/{pid}/net/{protocol}6"):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == state and int(fields[1].rpartition(":")[2], 16) == port:
                return True
    return False


class Daemon:
    """A daemon in a fresh directory, receiving on `port` and writing to `log`.

    kind: "rsyslog", "splashdam" or "raw"; stock: leave the queue as it comes;
    listener: more parameters of the input; namespace: the network namespace that it
    runs in, on all of its addresses; cores: how much CPU time it may have; protocol:
    "tcp" or "udp".
    """

    def __init__(self, kind, binary, scratch, stock=False, listener="", namespace=None, cores=None,
                 protocol="tcp"):
        self.kind, self.protocol = kind, protocol
        self.listener, self.namespace = listener, namespace
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=scratch))
        self.log = self.directory / "out.log"
        self.port = free_port()
        self.account = CpuAccount(self.directory.name)
        self.process, self.budget = None, None
        try:
            self.budget = CpuBudget(self.directory.name, cores, self.account) if cores else None
            self._start(self._command(binary, stock))
        except BaseException:
            self.close()
            raise

    def _command(self, binary, stock):
        if self.kind == "raw":
            return [binary, "raw-copy", "--listen", f"127.0.0.1:{self.port}", "--out", str(self.log)]
        config = self.directory / "daemon.conf"
        own = {
            "rsyslog": f'workDirectory="{self.directory}"',
            "splashdam": f'adminSocket="{self.admin_socket()}"',
        }[self.kind]
        address = "0.0.0.0" if self.namespace else "127.0.0.1"
        module = {"tcp": "imptcp", "udp": "imudp"}[self.protocol]
        lines = [
            f'global(net.enableDNS="off" {own})',
            {"tcp": 'module(load="imptcp" threads="1")', "udp": 'module(load="imudp")'}[self.protocol],
            f'input(type="{module}" port="{self.port}" address="{address}" {self.listener})',
            "" if stock else QUEUE,
            f'action(type="omfile" file="{self.log}" template="RSYSLOG_TraditionalFileFormat")',
        ]
        config.write_text("\n".join(lines) + "\n")
        # It becomes the daemon: the process is the same.
        within = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        return [*within, binary, "-n", "-C", "-f", str(config), "-i", str(self.directory / "pid")]

    def _start(self, command):
        self.stdout = open(self.directory / "stdout", "w+")
        self.stderr = open(self.directory / "stderr", "w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.stdout, stderr=self.stderr,
            preexec_fn=self._enter, cwd=self.directory,
        )
        self.account.pid = self.process.pid
        deadline = time.monotonic() + START_TIMEOUT_S
        while not listening(self.port, self.process.pid, self.protocol):
            if self.process.poll() is not None:
                raise Failed(f"it ended at the start with {self.process.returncode}: {self.said()}")
            if time.monotonic() > deadline:
                raise Failed(f"it did not listen within {START_TIMEOUT_S} s: {self.said()}")
            time.sleep(0.01)
        # What it has to say about its own start goes to the log as well.
        time.sleep(0.5)
        self.log_bytes_at_start = self.log_bytes()
        self.cpu_s_at_start = self.account.seconds()

    def _enter(self):
        self.account.enter()
        if self.budget:
            self.budget.enter()

    def admin_socket(self):
        """Splashdam's, for `ctl --socket`."""
        return self.directory / "admin"

    def said(self):
        """The last of its standard error."""
        self.stderr.seek(0)
        return self.stderr.read()[-500:].strip() or "(nothing on standard error)"

    def log_bytes(self):
        try:
            return self.log.stat().st_size
        except FileNotFoundError:
            return 0

    def wait_for(self, log_bytes):
        """Waits until the log has grown by so many bytes; returns the wall clock then, in
        seconds, and the bytes that are still missing (0, unless it stalled)."""
        grown_at, seen = time.monotonic(), -1
        while True:
            size = self.log_bytes() - self.log_bytes_at_start
            if size >= log_bytes:
                return time.time(), 0
            if self.process.poll() is not None:
                raise Failed(f"it ended with {self.process.returncode}: {self.said()}")
            if size != seen:
                grown_at, seen = time.monotonic(), size
            elif time.monotonic() - grown_at > STALL_TIMEOUT_S:
                return time.time(), log_bytes - size
            time.sleep(0.001)

    def cpu_s(self):
        """CPU seconds since the start was over."""
        return self.account.seconds() - self.cpu_s_at_start

    def memory_kib(self, field):
        """VmHWM (peak) or VmRSS (now) of proc(5)."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1])

    def terminate(self):
        """SIGTERM; returns what it wrote to standard output."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while not os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if time.monotonic() > deadline:
                    raise Failed(f"it did not end within {STOP_TIMEOUT_S} s of SIGTERM")
                time.sleep(0.005)
            self.account.settle()
            self.process.wait()
        self.stdout.seek(0)
        return self.stdout.read()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.account.close()
        if self.budget:
            self.budget.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def harness(binary, *arguments, timeout):
    """Runs a harness subcommand with --json and returns its report. Exit code 1 is a report
    of faults; without a report it is a failure."""
    command = [binary, *map(str, arguments), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"{arguments[0]} took longer than {timeout} s")
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failed(f"{arguments[0]} ended with {done.returncode}: {done.stderr[-500:].strip()}")


def ctl(daemon, binary, *command):
    """Runs a command of `splashdam ctl` at a running daemon and returns its report."""
    return harness(binary, "ctl", "--socket", daemon.admin_socket(), *command, timeout=30)


def prepare_scratch(scratch):
    """The directory for the daemons' files. Refuses one in memory."""
    scratch = pathlib.Path(scratch or PERF / "scratch")
    scratch.mkdir(parents=True, exist_ok=True)
    kind = file_system(scratch)
    if kind in ("tmpfs", "ramfs"):
        sys.exit(f"{scratch} is on {kind}, which has no O_DIRECT: give --scratch a directory on a disk")
    return scratch


def file_system(path):
    path, best, kind = str(pathlib.Path(path).resolve()) + "/", "", "unknown"
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, mount, fs_type = line.split()[:3]
        prefix = mount.rstrip("/") + "/"
        if path.startswith(prefix) and len(prefix) >= len(best):
            best, kind = prefix, fs_type
    return kind


def machine(scratch):
    """Facts that make a result comparable; no names of hosts, no paths."""
    cpu, memory_kib = "unknown", 0
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory_kib = int(line.split()[1])
    return {
        "architecture": platform.machine(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_mib": memory_kib // 1024,
        "kernel": platform.release(),
        "file_system": file_system(scratch),
        "load_average_1m": round(os.getloadavg()[0], 2),
    }


def version(binary, option):
    """The version number in the first line of what it says of itself."""
    try:
        said = subprocess.run([binary, option], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    number = re.search(r"\d+(\.\d+)+\S*", said)
    return number[0] if number else "unknown"


def write_json(value, output, name):
    """Writes to `output`, or to results/DATE-NAME.json."""
    path = pathlib.Path(output) if output else PERF / "results" / f"{time.strftime('%Y-%m-%d')}-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")
    print(f"written: {path}", file=sys.stderr)

"""Two machines in one: network namespaces for the client with its programs, and for the mixnet with the targets.

::

    inside                              outside
    programs ─► nymconnect ══ veth ════ mixnet with the exit ─► target.example, 192.31.196.1
                              10.77.0.1 │ 10.77.0.2

The inside can reach the targets directly, and a name server that knows them; so a program that goes around the proxy
gets its answer, and is seen by `leaks`. The targets' address is one of AS112 (RFC 7535): public, for an exit refuses
others, and of nobody who could miss it here.

Where namespaces cannot be made, as for an ordinary user, everything is on loopback: the programs run, no leak is seen.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.targets import unused_port

CLIENT_ADDRESS, NETWORK_ADDRESS = "10.77.0.1", "10.77.0.2"
TARGET, TARGET_ADDRESS = "target.example", "192.31.196.1"
DNS_PORT = 53
_CLONE_NEWNET = 0x4000_0000


@dataclass(frozen=True)
class Machine:
    """A network namespace; without a name, that of the tests."""

    name: str = ""

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs there."""
        return ["ip", "netns", "exec", self.name, *arguments] if self.name else list(arguments)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread makes now belong there, also afterwards."""
        if not self.name:
            yield
            return
        with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{self.name}") as there:
            _set_namespace(there.fileno())
            try:
                yield
            finally:
                _set_namespace(here.fileno())


@dataclass(frozen=True)
class World:
    """Where programs and targets are. `target` is the name of the targets, `address` what it resolves to."""

    inside: Machine
    outside: Machine
    network_address: str
    target: str
    address: str

    @property
    def apart(self) -> bool:
        """Whether the inside is a machine of its own."""
        return bool(self.inside.name)

    def port(self, usual: int) -> int:
        """For a target: the usual port of its protocol, if it can be had."""
        return usual if self.apart else unused_port()

    def listen(self, usual: int = 0) -> socket.socket:
        """A socket that listens where the targets are."""
        with self.outside.entered():
            return socket.create_server((self.address, self.port(usual)))


def _set_namespace(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def why_together() -> str:
    """What is missing for machines of their own; empty if nothing is."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    probe = f"nymapps-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made here: {made.stderr.strip()}"
    _ip("netns", "delete", probe)
    return ""


@contextlib.contextmanager
def made_world() -> Iterator[World]:
    """Both machines, with what resolves names there."""
    if why_together():
        yield World(Machine(), Machine(), "127.0.0.1", "localhost", "127.0.0.1")
        return
    inside, outside = (Machine(f"nymapps-{os.getpid()}-{side}") for side in ("in", "out"))
    world = World(inside, outside, NETWORK_ADDRESS, TARGET, TARGET_ADDRESS)
    with contextlib.ExitStack() as stack:
        for machine in (inside, outside):
            _ip("netns", "add", machine.name)
            stack.callback(_ip, "netns", "delete", machine.name)
        _connect(inside.name, outside.name)
        # `ip netns exec` lays these files over those in /etc.
        hosts = f"127.0.0.1 localhost {socket.gethostname()}"  # programs ask for the name of their machine
        stack.enter_context(_etc(inside.name, hosts, nameserver=NETWORK_ADDRESS))
        stack.enter_context(_etc(outside.name, f"{hosts}\n{TARGET_ADDRESS} {TARGET}", nameserver="127.0.0.1"))
        stack.enter_context(_name_server(outside))
        yield world


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _connect(inside: str, outside: str) -> None:
    _ip("link", "add", "way-out", "netns", inside, "type", "veth", "peer", "name", "way-in", "netns", outside)
    for name, device, address in ((inside, "way-out", CLIENT_ADDRESS), (outside, "way-in", NETWORK_ADDRESS)):
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "address", "add", f"{address}/24", "dev", device)
        _ip("-n", name, "link", "set", device, "up")
    _ip("-n", outside, "address", "add", f"{TARGET_ADDRESS}/32", "dev", "lo")
    _ip("-n", inside, "route", "add", "default", "via", NETWORK_ADDRESS)


@contextlib.contextmanager
def _etc(name: str, hosts: str, nameserver: str) -> Iterator[None]:
    folder = Path("/etc/netns") / name
    folder.mkdir(parents=True)
    (folder / "hosts").write_text(f"{hosts}\n")
    (folder / "resolv.conf").write_text(f"nameserver {nameserver}\noptions timeout:2 attempts:1\n")
    (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    try:
        yield
    finally:
        shutil.rmtree(folder)
        with contextlib.suppress(OSError):  # somebody else's
            folder.parent.rmdir()


# --- a name server that knows the targets ----------------------------------------------------------------------------


@contextlib.contextmanager
def _name_server(outside: Machine) -> Iterator[None]:
    with outside.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((NETWORK_ADDRESS, DNS_PORT))
    server.settimeout(0.2)
    stop = threading.Event()
    thread = threading.Thread(target=_answer, args=(server, stop), name="name server")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        server.close()


def _answer(server: socket.socket, stop: threading.Event) -> None:
    """The targets' address for the targets' name, and for everything else that there is no such name (RFC 1035)."""
    record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(TARGET_ADDRESS)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            query, sender = server.recvfrom(4096)
            name, end = question(query)
            known = name == TARGET
            answer = record if known and query[end : end + 2] == b"\x00\x01" else b""
            flags = b"\x81\x80" if known else b"\x81\x83"
            head = query[:2] + flags + b"\x00\x01" + bytes([0, bool(answer)]) + bytes(4)
            server.sendto(head + query[12 : end + 4] + answer, sender)


def question(query: bytes) -> tuple[str, int]:
    """The name that a DNS message asks for, and where it ends; IndexError if it has none."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels).lower(), at + 1

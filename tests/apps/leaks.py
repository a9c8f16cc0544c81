"""What the client's machine sends beside the mixnet: every packet that leaves it, and every name that is asked for.

A raw socket sees all devices of the namespace, loopback included. A packet that leaves for another place than the
directory and the gateways is a leak; so is one to the port of a name service, wherever it goes.
"""

import contextlib
import ipaddress
import socket
import struct
import threading
from collections.abc import Collection, Iterator

from tests.apps.world import Machine, question

NAME_PORTS = {53: "DNS", 5353: "multicast DNS", 5355: "LLMNR", 137: "NetBIOS"}
_ALL_PROTOCOLS = 0x0003
_OUTGOING = 4
_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_TCP, _UDP, _ICMPV6 = 6, 17, 58
# The system's own: solicitations, advertisements, multicast reports (RFC 4861, 3810).
_NEIGHBOUR_TALK = (*range(133, 137), 143)
_PACKET_LEVEL, _PACKET_STATISTICS = 263, 6
_RECEIVE_BUFFER = 32 * 1024 * 1024


class LeakWatch:
    """Collects one sentence for each packet that should not be there."""

    def __init__(self, receiver: socket.socket, network_address: str, ports: Collection[int]) -> None:
        self._receiver = receiver
        self._allowed = {(ipaddress.ip_address(network_address), port) for port in ports}
        self._leaks: list[str] = []
        self._lock = threading.Lock()
        self.packets = 0

    def take(self) -> list[str]:
        """What was seen since the last call, each once. AssertionError if packets were missed."""
        statistics = self._receiver.getsockopt(_PACKET_LEVEL, _PACKET_STATISTICS, 8)
        missed = struct.unpack("II", statistics)[1]
        assert missed == 0, f"the watch missed {missed} packets"
        with self._lock:
            leaks, self._leaks = self._leaks, []
        return list(dict.fromkeys(leaks))

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                data, (device, protocol, direction, *_) = self._receiver.recvfrom(65536)
                if direction == _OUTGOING:
                    self.packets += 1
                    if leak := self.judge(data, protocol, device == "lo"):
                        with self._lock:
                            self._leaks.append(leak)

    def judge(self, data: bytes, protocol: int, on_loopback: bool) -> str:
        """What is wrong with a packet that leaves (from its IP header on); empty if nothing is."""
        if protocol == _ARP:
            return ""
        if protocol not in (_IPV4, _IPV6):
            return f"a packet of protocol {protocol:#06x}"
        transport, target, payload = _parse(data)
        port = int.from_bytes(payload[2:4], "big") if transport in (_TCP, _UDP) else 0
        if port in NAME_PORTS:
            asked = f" for {_asked(payload[8:])}" if transport == _UDP and port != 137 else ""
            return f"{NAME_PORTS[port]} to {target}{asked}"
        if on_loopback or (transport == _TCP and (target, port) in self._allowed):
            return ""
        if transport == _ICMPV6 and payload[0] in _NEIGHBOUR_TALK:
            return ""
        name = {_TCP: "TCP", _UDP: "UDP"}.get(transport, f"IP protocol {transport}")
        return f"{name} to {target}" + (f" port {port}" if port else "")


def _parse(data: bytes) -> tuple[int, ipaddress.IPv4Address | ipaddress.IPv6Address, bytes]:
    """Transport protocol, receiver, and what follows the IP header, of RFC 791 or RFC 8200."""
    if data[0] >> 4 == 4:
        return data[9], ipaddress.IPv4Address(data[16:20]), data[4 * (data[0] & 15) :]
    transport, rest = data[6], data[40:]
    if transport == 0:  # hop-by-hop options, in front of multicast reports
        transport, rest = rest[0], rest[8 * (rest[1] + 1) :]
    return transport, ipaddress.IPv6Address(data[24:40]), rest


def _asked(message: bytes) -> str:
    try:
        return question(message)[0]
    except IndexError:
        return "something unreadable"


@contextlib.contextmanager
def watching(machine: Machine, network_address: str, ports: Collection[int]) -> Iterator[LeakWatch]:
    """Watch a machine of its own, from which only these TCP ports of the network may be reached."""
    with machine.entered():
        receiver = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
    receiver.setsockopt(socket.SOL_SOCKET, 33, _RECEIVE_BUFFER)  # SO_RCVBUFFORCE
    receiver.settimeout(0.2)
    watch = LeakWatch(receiver, network_address, ports)
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=(stop,), name="leak watch")
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()
        receiver.close()

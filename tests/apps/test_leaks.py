"""The watch itself: it sees what goes around the proxy, or else its silence in all other tests would mean nothing."""

import asyncio
import ipaddress
import socket
from pathlib import Path

import pytest

from tests.apps.leaks import LeakWatch
from tests.apps.programs import needed, run
from tests.apps.proxy import Proxy
from tests.apps.world import World, why_together
from tests.helpers.targets import file_server

CURL = ("curl", "-q", "--silent", "--show-error", "--fail", "--max-time", "60")
MULTICAST = "224.0.0.251"
GATEWAY = ("10.77.0.2", 9000)
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
ASK_FOR_TARGET_LOCAL = bytes(12) + b"\x06target\x05local\x00\x00\x01\x00\x01"


@pytest.fixture
def watch(proxy: Proxy) -> LeakWatch:
    if proxy.watch is None:
        pytest.skip(f"nothing is watched: {why_together()}")
    needed("curl")
    return proxy.watch


async def seen(watch: LeakWatch) -> list[str]:
    """What the watch has, once it has read what was sent before."""
    await asyncio.sleep(1.0)
    return watch.take()


async def test_a_name_that_is_resolved_here_is_seen(
    world: World, proxy: Proxy, watch: LeakWatch, tmp_path: Path
) -> None:
    async with file_server({"/": b"hello"}, world.listen(80)) as port:
        url = f"http://{world.target}:{port}/"
        assert (await run(world.inside, tmp_path, *CURL, "--socks5", str(proxy), url)).checked() == b"hello"
    assert await seen(watch) == [f"DNS to {world.network_address} for {world.target}"]


async def test_a_target_that_is_dialled_here_is_seen(world: World, watch: LeakWatch, tmp_path: Path) -> None:
    async with file_server({"/": b"hello"}, world.listen(80)) as port:
        url = f"http://{world.address}:{port}/"
        assert (await run(world.inside, tmp_path, *CURL, url)).checked() == b"hello"
    assert await seen(watch) == [f"TCP to {world.address} port {port}"]


@pytest.mark.parametrize(("port", "protocol"), [(5353, "multicast DNS"), (5355, "LLMNR")])
@pytest.mark.parametrize("receiver", [MULTICAST, "127.0.0.1"])
async def test_a_name_that_is_asked_of_the_neighbours_is_seen(
    world: World, watch: LeakWatch, port: int, protocol: str, receiver: str
) -> None:
    with world.inside.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(ASK_FOR_TARGET_LOCAL, (receiver, port))
    assert f"{protocol} to {receiver} for target.local" in await seen(watch)


async def test_a_datagram_to_a_target_is_seen(world: World, watch: LeakWatch) -> None:
    with world.inside.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(b"hello", (world.address, 443))
    assert await seen(watch) == [f"UDP to {world.address} port 443"]


async def test_the_way_into_the_mixnet_is_watched_and_allowed(watch: LeakWatch) -> None:
    before = watch.packets
    assert await seen(watch) == []
    assert watch.packets > before


def packet(transport: int, target: str, port: int) -> tuple[bytes, int]:
    """The start of a packet as a raw socket shows it, and its protocol."""
    address = ipaddress.ip_address(target)
    payload = bytes([128, 0]) + port.to_bytes(2, "big") + bytes(16)  # for ICMP a type, for the others a port
    if address.version == 4:
        return b"\x45" + bytes(8) + bytes([transport]) + bytes(6) + address.packed + payload, 0x0800
    return b"\x60" + bytes(5) + bytes([transport, 64]) + bytes(16) + address.packed + payload, 0x86DD


@pytest.mark.parametrize(
    ("transport", "target", "port", "on_loopback", "leak"),
    [
        (TCP, *GATEWAY, False, ""),
        (TCP, GATEWAY[0], 9001, False, "TCP to 10.77.0.2 port 9001"),
        (UDP, *GATEWAY, False, "UDP to 10.77.0.2 port 9000"),
        (TCP, "2001:db8::1", 443, False, "TCP to 2001:db8::1 port 443"),
        (TCP, "127.0.0.1", 1080, True, ""),
        (TCP, "::1", 1080, True, ""),
        (TCP, "127.0.0.53", 53, True, "DNS to 127.0.0.53"),
        (UDP, "ff02::fb", 5353, False, "multicast DNS to ff02::fb"),
        (UDP, "192.0.2.255", 137, False, "NetBIOS to 192.0.2.255"),
        (ICMP, "192.0.2.1", 0, False, "IP protocol 1 to 192.0.2.1"),
        (ICMPV6, "2001:db8::1", 0, False, "IP protocol 58 to 2001:db8::1"),
    ],
)
def test_the_watch_judges_every_packet(transport: int, target: str, port: int, on_loopback: bool, leak: str) -> None:
    with socket.socket() as receiver:
        watch = LeakWatch(receiver, GATEWAY[0], [GATEWAY[1]])
        said = watch.judge(*packet(transport, target, port), on_loopback)
    assert said.split(" for ")[0] == leak

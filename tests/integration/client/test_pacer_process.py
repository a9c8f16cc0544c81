"""The pacer's process from its start to its end: who dies first, what TLS does to it, and how small it is."""

import asyncio
import contextlib
import datetime
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from python_socks import ProxyError

from nymconnect.client.pacer import parent
from nymconnect.client.pacer.child import READ_GAP
from nymconnect.client.pacer.machine import FrameKind, SlotGaps
from nymconnect.client.pacer.parent import ChildCarrier
from nymconnect.client.parameters import TrafficParameters
from nymconnect.reasons import LinkBroke, LinkFault
from nymconnect.runtime.outbound import dial_socket
from nymconnect.runtime.program import own_command
from nymconnect_proxy.session.states import State
from tests.helpers.stage import eventually, reach, stage
from tests.helpers.targets import echo, file_server, tcp_server

PATIENCE = 30.0
FRAME = bytes(2500)
PACED = TrafficParameters(average_packet_delay=0.002, average_ack_delay=0.002, loop_cover_average_delay=0.5)


@dataclass
class User:
    """What a carrier has told."""

    received: bytearray = field(default_factory=bytearray)
    pieces: int = 0
    left: list[tuple[FrameKind, int, float]] = field(default_factory=list)
    ended: list[LinkBroke] = field(default_factory=list)

    def on_bytes(self, data: bytes) -> None:
        self.received += data
        self.pieces += 1

    def on_left(self, kind: FrameKind, serial: int, at: float) -> None:
        self.left.append((kind, serial, at))

    def on_end(self, reason: LinkBroke) -> None:
        self.ended.append(reason)


@contextlib.asynccontextmanager
async def carried(
    port: int, tls_host: str = "", patience: float = PATIENCE
) -> AsyncIterator[tuple[ChildCarrier, User]]:
    user = User()
    carrier = ChildCarrier(user, patience)
    await carrier.open(await dial_socket("localhost" if tls_host else "127.0.0.1", port), tls_host)
    try:
        yield carrier, user
    finally:
        await carrier.close()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


# --- both directions ------------------------------------------------------------------------------------------------


async def test_frames_go_out_and_bytes_come_back() -> None:
    async with tcp_server(echo) as port, carried(port) as (carrier, user):
        carrier.control(b"hello ")
        carrier.offer(FrameKind.COVER, 2, b"cover")
        carrier.offer(FrameKind.DATA, 1, b"data ")
        before = time.monotonic()
        carrier.begin(SlotGaps(0.005, None))
        await eventually(lambda: bytes(user.received) == b"hello data cover")
        assert [(kind, serial) for kind, serial, _ in user.left] == [(FrameKind.DATA, 1), (FrameKind.COVER, 2)]
        assert before < user.left[0][2] <= user.left[1][2] < time.monotonic()  # together, where the pacer was late
        assert user.ended == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's timers")
async def test_its_timers_have_no_slack() -> None:
    async with tcp_server(echo) as port, carried(port) as (carrier, _):
        await eventually(lambda: Path(f"/proc/{carrier.pid}/timerslack_ns").read_text() == "1\n")


async def test_that_covers_have_left_is_told_with_other_news_or_a_little_later() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with tcp_server(silent) as port, carried(port) as (carrier, user):
        for serial in range(4):
            carrier.offer(FrameKind.COVER, serial, b"cover")
        carrier.begin(SlotGaps(0.001, None))
        await eventually(lambda: len(user.left) == 4)
        assert [serial for _, serial, _ in user.left] == [0, 1, 2, 3]
        assert sorted(at for *_, at in user.left) == [at for *_, at in user.left]


async def test_it_reads_at_moments_of_its_own_once_the_streams_run() -> None:
    began = asyncio.Event()

    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await began.wait()
        for _piece in range(100):
            writer.write(b"piece")
            await asyncio.sleep(0.002)

    async with tcp_server(trickle) as port, carried(port) as (carrier, user):
        carrier.begin(SlotGaps(None, None))
        start = time.monotonic()
        began.set()
        await eventually(lambda: len(user.received) == 500)
        # One look may come before word of the beginning has, and one at either end of the time.
        assert user.pieces <= (time.monotonic() - start) / READ_GAP + 3


async def test_a_megabyte_comes_back_whole() -> None:
    async with tcp_server(echo) as port, carried(port) as (carrier, user):
        sent = os.urandom(1_000_000)
        for start in range(0, len(sent), 50_000):
            carrier.control(sent[start : start + 50_000])
        await eventually(lambda: len(user.received) >= len(sent))
        assert bytes(user.received) == sent


async def test_a_gateway_that_stalls_gets_no_burst_and_is_given_up() -> None:
    taken = bytearray()
    goes_on = asyncio.Event()

    async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        taken.extend(await reader.read(-1))

    async with tcp_server(stalling) as port, carried(port, patience=0.5) as (carrier, user):
        for serial in range(2000):
            carrier.offer(FrameKind.COVER, serial, bytes(10_000))
        carrier.begin(SlotGaps(0.0005, None))
        await eventually(lambda: bool(user.ended))
        assert user.ended == [LinkBroke(LinkFault.NOT_TAKEN)]
        assert carrier.unused.stalled > 100
        goes_on.set()


async def test_a_gateway_that_closes_ends_the_pacer() -> None:
    async def farewell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x82\x7e\x09")  # the start of a frame
        writer.close()

    async with tcp_server(farewell) as port, carried(port) as (carrier, user):
        pid = carrier.pid
        assert pid is not None
        await eventually(lambda: bool(user.ended))
        assert bytes(user.received) == b"\x82\x7e\x09"
        assert user.ended == [LinkBroke(LinkFault.CLOSED)]
        await eventually(lambda: not is_running(pid))


# --- who dies first -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_pacer_that_is_killed_ends_the_connection_at_both_ends(number: int) -> None:
    gone = asyncio.Event()

    async def until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(-1)
        gone.set()

    async with tcp_server(until_end) as port, carried(port) as (carrier, user), asyncio.timeout(PATIENCE):
        assert carrier.pid is not None
        os.kill(carrier.pid, number)
        await eventually(lambda: bool(user.ended))
        assert user.ended == [LinkBroke(LinkFault.PACER_ENDED)]
        await gone.wait()


async def test_a_pacer_that_hangs_is_given_up_and_one_with_nothing_to_say_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parent, "LOOK", 0.4)
    async with tcp_server(echo) as port, carried(port) as (carrier, user), asyncio.timeout(2 * PATIENCE):
        await asyncio.sleep(1.5 * parent.LOOK * parent.SILENT_LOOKS)
        assert user.ended == []
        assert carrier.pid is not None
        os.kill(carrier.pid, signal.SIGSTOP)
        await eventually(lambda: bool(user.ended))
        assert user.ended == [LinkBroke(LinkFault.PACER_SILENT)]


async def test_the_listener_refuses_while_the_pacer_is_dead_and_serves_with_the_next() -> None:
    async with file_server({"/file": b"content"}) as port, stage(PACED) as on:
        assert await on.fetch(port, "/file") == b"content"
        assert on.session._client is not None
        client = on.session._client
        first = client.pacer_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await reach(on.session, State.CONNECTING)
        with pytest.raises(ProxyError):
            await on.open(port)
        await reach(on.session, State.CONNECTED)
        assert client.pacer_pid not in (None, first)
        assert await on.fetch(port, "/file") == b"content"


ORPHAN = """
import asyncio, sys
from nymconnect.client.pacer.parent import ChildCarrier
from nymconnect.client.pacer.machine import SlotGaps
from nymconnect.runtime.outbound import dial_socket
class User:
    on_bytes = on_left = on_end = lambda *_: None
async def main():
    carrier = ChildCarrier(User(), 30.0)
    await carrier.open(await dial_socket("127.0.0.1", int(sys.argv[1])), "")
    carrier.begin(SlotGaps(0.01, 0.1))
    print(carrier.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_parent_that_is_killed_takes_the_pacer_along() -> None:
    gone = asyncio.Event()

    async def until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(-1)
        gone.set()

    async with tcp_server(until_end) as port, asyncio.timeout(PATIENCE):
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ORPHAN, str(port), stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        pacer = int(await parent.stdout.readline())
        assert is_running(pacer)
        parent.kill()
        await parent.wait()
        await gone.wait()
        await eventually(lambda: not is_running(pacer))


async def test_a_closed_carrier_leaves_no_process_behind() -> None:
    async with tcp_server(echo) as port:
        async with carried(port) as (carrier, _):
            pid = carrier.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)  # even if it does not listen
        assert not is_running(pid)


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of localhost, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.asynccontextmanager
async def tls_echo(certificate: Path) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_the_pacer_speaks_tls_itself(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with tls_echo(certificate) as port, carried(port, "localhost") as (carrier, user):
        carrier.control(b"hello ")
        for serial in range(20):
            carrier.offer(FrameKind.COVER, serial, FRAME)
        carrier.begin(SlotGaps(0.005, None))
        await eventually(lambda: len(user.received) == 6 + 20 * len(FRAME))
        assert user.ended == []
        assert len(user.left) == 20


async def test_an_unknown_certificate_ends_the_connection(certificate: Path) -> None:
    async with tls_echo(certificate) as port, carried(port, "localhost") as (carrier, user):
        carrier.control(b"secret")
        await eventually(lambda: bool(user.ended))
        assert user.ended[0].fault is LinkFault.NO_TLS
        assert not user.received


# --- size -----------------------------------------------------------------------------------------------------------


def test_the_pacer_loads_neither_cryptography_nor_an_event_loop() -> None:
    code = "import sys, nymconnect.client.pacer.child; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(output.stdout.split())
    assert "nymconnect.client.pacer.machine" in loaded
    assert not loaded & {"cryptography", "nacl", "aiohttp", "asyncio", "ssl", "msgspec", "nymconnect.crypto"}


def test_a_packaged_program_is_its_own_pacer() -> None:
    ours, theirs = socket.socketpair()
    gateway, end = socket.socketpair()
    with ours, theirs, gateway, end:
        process = subprocess.Popen(
            [*own_command(), "pacer", str(theirs.fileno()), str(gateway.fileno())],
            pass_fds=(theirs.fileno(), gateway.fileno()),
        )
        theirs.close()
        gateway.close()
        ours.close()
        assert end.recv(1) == b""
        assert process.wait(PATIENCE) == 0

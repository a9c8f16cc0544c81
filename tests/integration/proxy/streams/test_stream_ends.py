"""What the programs at both ends of a stream see of its end: an end is an end, and everything else is a reset.

They are played with bare sockets, since those of asyncio forget what came before a reset.
"""

import asyncio
import contextlib
import random
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from python_socks import ProxyError

from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.streams.pipe import PipeOptions
from tests.helpers.proxy_loop import PIPES, Loop, proxy_loop
from tests.helpers.targets import unused_port

PATIENCE = 30.0
CONTENT = random.Random(1).randbytes(60_000)
MEDIUM = 1_000_000  # bytes: what the sender's system takes at once, and the reader's does not
LARGE = 4_000_000  # more than both hold
LANGUAGES = ["socks5", "socks4", "http"]


@dataclass
class Scene:
    """One stream: the application's socket and the target's."""

    loop: Loop
    application: socket.socket
    target: socket.socket


@contextlib.asynccontextmanager
async def scene(language: str = "socks5", pipes: PipeOptions = PIPES) -> AsyncIterator[Scene]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        async with proxy_loop(pipes=pipes) as loop, asyncio.timeout(PATIENCE):
            connecting = asyncio.create_task(loop.connect(server.getsockname()[1], language=language))
            target, _ = await asyncio.get_running_loop().sock_accept(server)
            application = await connecting
            application.setblocking(False)
            with application, target:
                yield Scene(loop, application, target)


async def say(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def hear(sock: socket.socket, count: int) -> bytes:
    """So many bytes."""
    heard = b""
    while len(heard) < count:
        heard += await asyncio.get_running_loop().sock_recv(sock, count - len(heard))
    return heard


async def rest(sock: socket.socket) -> tuple[bytes, str]:
    """What still comes, and how it ends."""
    heard = b""
    try:
        while data := await asyncio.get_running_loop().sock_recv(sock, 65_536):
            heard += data
    except ConnectionResetError:
        return heard, "reset"
    return heard, "end"


async def reset(sock: socket.socket) -> None:
    """Once the other side's system has taken what was said; a reset throws the rest away here."""
    if sys.platform == "linux":
        import fcntl
        import termios

        await until(lambda: not any(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))))
    else:
        await asyncio.sleep(0.5)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0))
    sock.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 -- counters of services, which have no event to wait for
        await asyncio.sleep(0.01)


async def broken(sock: socket.socket) -> None:
    """Until nothing can be sent any more."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            await say(sock, b"x")
            await asyncio.sleep(0.01)


# --- ends -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
async def test_both_directions_end_one_by_one_with_all_their_bytes(language: str) -> None:
    async with scene(language) as on:
        await say(on.application, CONTENT)
        on.application.shutdown(socket.SHUT_WR)
        assert await rest(on.target) == (CONTENT, "end")
        await say(on.target, CONTENT[::-1])
        on.target.close()
        assert await rest(on.application) == (CONTENT[::-1], "end")


async def test_the_target_may_end_first() -> None:
    async with scene() as on:
        await say(on.target, CONTENT)
        on.target.shutdown(socket.SHUT_WR)
        assert await rest(on.application) == (CONTENT, "end")
        await say(on.application, CONTENT[::-1])
        on.application.close()
        assert await rest(on.target) == (CONTENT[::-1], "end")


@pytest.mark.parametrize(("last_bytes", "ending"), [(PATIENCE, "end"), (0.2, "reset")])
async def test_a_slow_reader_gets_the_whole_or_sees_that_it_is_not(last_bytes: float, ending: str) -> None:
    """It begins when everything else is over."""
    async with scene(pipes=PipeOptions(linger=0.1, flush_timeout=0.2, last_bytes=last_bytes)) as on:
        on.application.shutdown(socket.SHUT_WR)
        await say(on.target, bytes(LARGE))
        on.target.close()
        await until(lambda: not on.loop.requester.snapshot().active)
        await asyncio.sleep(1.0)
        heard, seen = await rest(on.application)
        assert seen == ending
        assert (len(heard) == LARGE) == (ending == "end")


# --- resets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("has_asked", [True, False], ids=["all asked", "still asking"])
async def test_a_target_that_resets_resets_the_application_after_what_it_said(language: str, has_asked: bool) -> None:
    async with scene(language) as on:
        if has_asked:
            on.application.shutdown(socket.SHUT_WR)
            assert await rest(on.target) == (b"", "end")
        await say(on.target, CONTENT)
        await reset(on.target)
        assert await rest(on.application) == (CONTENT, "reset")


@pytest.mark.parametrize("has_answer", [True, False], ids=["answered", "not answered"])
async def test_an_application_that_resets_resets_the_target_after_what_it_said(has_answer: bool) -> None:
    async with scene() as on:
        if has_answer:
            on.target.shutdown(socket.SHUT_WR)
            assert await rest(on.application) == (b"", "end")
        await say(on.application, CONTENT)
        await reset(on.application)
        assert await rest(on.target) == (CONTENT, "reset")


async def test_an_answer_that_had_its_end_stays_whole_when_the_upload_breaks() -> None:
    async with scene() as on:
        await say(on.target, CONTENT)
        on.target.shutdown(socket.SHUT_WR)
        assert await hear(on.application, 10) == CONTENT[:10]
        await reset(on.target)
        await broken(on.application)
        assert await rest(on.application) == (CONTENT[10:], "end")


async def test_an_upload_that_had_its_end_stays_whole_when_nobody_waits_for_the_answer() -> None:
    async with scene() as on:
        await say(on.application, CONTENT)
        on.application.shutdown(socket.SHUT_WR)
        assert await hear(on.target, 10) == CONTENT[:10]
        await reset(on.application)
        await broken(on.target)
        assert await rest(on.target) == (CONTENT[10:], "end")


@pytest.mark.parametrize("size", [MEDIUM, LARGE])
async def test_disconnecting_resets_a_slow_reader_after_what_has_arrived(size: int) -> None:
    async with scene(pipes=PipeOptions(linger=0.1, flush_timeout=PATIENCE)) as on:
        await say(on.target, bytes(size))
        await until(lambda: on.loop.listener.snapshot().bytes_down == size)
        await on.loop.listener.detach()
        heard, seen = await rest(on.application)
        assert (len(heard), seen) == (size, "reset")


async def test_quitting_leaves_a_slow_reader_a_moment_for_an_answer_that_is_here_in_full() -> None:
    async with scene(pipes=PipeOptions(linger=0.1, flush_timeout=0.2)) as on:
        on.application.shutdown(socket.SHUT_WR)
        await say(on.target, bytes(LARGE))
        on.target.close()
        await until(lambda: not on.loop.requester.snapshot().active)
        await until(lambda: on.loop.listener.snapshot().bytes_down == LARGE)
        await asyncio.sleep(0.5)  # and its end, which shows nowhere
        quitting = asyncio.create_task(on.loop.listener.stop())
        await asyncio.sleep(1.5)
        heard, seen = await rest(on.application)
        assert (len(heard), seen) == (LARGE, "end")
        await quitting


@pytest.mark.parametrize("size", [MEDIUM, LARGE])
async def test_a_slow_reader_gets_all_of_an_answer_that_had_its_end_although_its_upload_breaks(size: int) -> None:
    async with scene(pipes=PipeOptions(linger=0.1, flush_timeout=0.2, last_bytes=PATIENCE)) as on:
        await say(on.target, bytes(size))
        on.target.shutdown(socket.SHUT_WR)
        await until(lambda: on.loop.listener.snapshot().bytes_down == size)
        await reset(on.target)
        while on.loop.requester.snapshot().active:
            await say(on.application, b"x")
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)
        heard, seen = await rest(on.application)
        assert (len(heard), seen) == (size, "end")


@pytest.mark.parametrize("reader", ["application", "target"])
async def test_a_slow_reader_gets_all_that_came_before_the_other_side_reset(reader: str) -> None:
    async with scene(pipes=PipeOptions(linger=0.1, flush_timeout=0.2, last_bytes=PATIENCE)) as on:
        slow, sender = (on.application, on.target) if reader == "application" else (on.target, on.application)
        await say(sender, bytes(LARGE))
        await reset(sender)
        if reader == "application":
            await until(lambda: not on.loop.requester.snapshot().active)
        else:
            await until(lambda: not on.loop.listener.snapshot().streams)
        await asyncio.sleep(1.0)
        heard, seen = await rest(slow)
        assert (len(heard), seen) == (LARGE, "reset")


@pytest.mark.parametrize("who", ["listener", "requester"])
async def test_a_program_that_ends_resets_what_is_open(who: str) -> None:
    async with scene() as on:
        await say(on.target, CONTENT)
        assert await hear(on.application, len(CONTENT)) == CONTENT
        if who == "listener":
            await on.loop.listener.stop()
            assert await rest(on.application) == (b"", "reset")
        else:
            await on.loop.requester.stop()
            assert await rest(on.target) == (b"", "reset")


async def test_a_task_that_is_cancelled_resets_its_socket() -> None:
    async with scene() as on:
        tasks: TaskSet = on.loop.listener._connections
        await tasks.close()
        assert await rest(on.application) == (b"", "reset")


async def test_a_piece_that_is_lost_resets_both_ends() -> None:
    async with scene() as on:
        await say(on.target, CONTENT)
        assert await hear(on.application, len(CONTENT)) == CONTENT
        (lane,) = on.loop.exit_mixnet.lanes
        on.loop.exit_mixnet.on_undelivered(lane)
        assert await rest(on.application) == (b"", "reset")
        assert await rest(on.target) == (b"", "reset")


async def test_a_mixnet_that_takes_nothing_more_resets() -> None:
    async with scene() as on:
        on.loop.client_mixnet.stopped = True
        await say(on.application, CONTENT)
        assert await rest(on.application) == (b"", "reset")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_refusal_is_told_and_ends(language: str) -> None:
    """A reset would take the refusal with it, or stand in its place."""
    async with proxy_loop() as loop:
        with pytest.raises(ProxyError):
            await loop.connect(unused_port(), language=language)

"""*Test this*: one request through the proxy that says how far it came, how long each stage took, and what to do.

The stages are those of the way of a packet: the proxy on this computer, the gateway, the mixes, the requester, the
target. What tells them apart is the session's status, its own loops, and the code of the SOCKS reply; nothing is asked
of anybody beside the mixnet. So some stages have no time of their own. Each stage waits for a bounded time, and after
the first one that fails the others are left alone.

The target is the user's. Without one it is the directory's own server, with which this computer talks anyway; on the
practice network, a server of our own on this machine, which also sends back what it gets.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn
from urllib.parse import urlsplit

from nymconnect.client.presets import PRESETS
from nymconnect.errors import UserError, WireError
from nymconnect.reasons import Reason
from nymconnect.runtime.clock import clock
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect.runtime.tasks import TaskSet
from nymconnect_proxy.diagnostics.fetch_through import greet, request
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.settings.networks import PRACTICE, Network, OwnNetwork
from nymconnect_proxy.socks.dialect import ReplyCode
from nymconnect_resources import MAINNET_API

PROXY_TIMEOUT = 5.0
CONNECT_TIMEOUT = 180.0  # on demand: how long the session may take to connect before the request is served
# Shorter than a stream's own patience for its exit, which ends in the reply code of a target that is silent.
REPLY_TIMEOUT = 50.0
ECHO_TIMEOUT = 60.0
LOOK = 0.1  # seconds between two looks at the status
BAD_LOSS = 0.5
ECHO_LENGTH = 32


class Stage(Enum):
    """Where a request passes, in order."""

    PROXY = "Proxy on this computer"
    GATEWAY = "Gateway"
    MIXES = "Mixes"
    REQUESTER = "Exit"
    TARGET = "Target"


class Finding(Enum):
    """What a stage has come to, and what to do: sentences for a person. `{target}` and `{reason}` stand in some."""

    PROXY_OPEN = "The proxy answers."
    PROXY_CLOSED = "The proxy is off. Press Connect first."
    PROXY_SILENT = "Nothing answers at the proxy's address. Disconnect, then connect again."
    GATEWAY_READY = "The gateway is connected."
    NOT_READY = "Not connected yet: {reason}. The proxy refuses connections until then; wait a moment."
    GAVE_UP = "The connection has failed: {reason}. Look at the settings, then connect again."
    MIXES_CARRY = "Packets go through the mixes and come back."
    MIXES_DROP = "Somebody drops packets. Data goes around it where it can; if this lasts, choose another gateway."
    MIXES_SILENT = "Nothing that is sent comes back. Wait a minute, then connect again."
    EXIT_ANSWERS = "The exit answers and allows this target."
    EXIT_FORBIDS = "The exit does not allow {target}. Use another port, or choose another exit."
    EXIT_SILENT = "The exit does not answer. Choose another one in the settings."
    EXIT_VAGUE = "The exit could not connect and does not say why. Try again, or choose another one."
    TARGET_ANSWERS = "{target} accepts connections."
    TARGET_ECHOES = "The practice target sent back what it got."
    TARGET_UNKNOWN = "The exit finds no way to {target}. Check the name."
    TARGET_REFUSES = "{target} refuses connections. Check the port."
    TARGET_SILENT = "{target} is silent. Your way through the mixnet works; try another server."
    TARGET_BREAKS = "The connection was opened, but what was sent did not come back. Try again."

    @property
    def good(self) -> bool:
        """Whether the stage has passed."""
        return self in _GOOD

    @property
    def warns(self) -> bool:
        """Whether it has passed, but not well."""
        return self is Finding.MIXES_DROP


_GOOD = frozenset(
    {
        Finding.PROXY_OPEN,
        Finding.GATEWAY_READY,
        Finding.MIXES_CARRY,
        Finding.MIXES_DROP,
        Finding.EXIT_ANSWERS,
        Finding.TARGET_ANSWERS,
        Finding.TARGET_ECHOES,
    }
)
_BY_REPLY: Mapping[int, tuple[Stage, Finding]] = {
    ReplyCode.SUCCEEDED: (Stage.REQUESTER, Finding.EXIT_ANSWERS),
    ReplyCode.NOT_ALLOWED: (Stage.REQUESTER, Finding.EXIT_FORBIDS),
    ReplyCode.NETWORK_UNREACHABLE: (Stage.TARGET, Finding.TARGET_UNKNOWN),
    ReplyCode.HOST_UNREACHABLE: (Stage.TARGET, Finding.TARGET_UNKNOWN),
    ReplyCode.REFUSED: (Stage.TARGET, Finding.TARGET_REFUSES),
    ReplyCode.TTL_EXPIRED: (Stage.TARGET, Finding.TARGET_SILENT),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a stage; `seconds` is None where nothing of its own was measured."""

    stage: Stage
    finding: Finding
    seconds: float | None = None
    target: str = ""
    reason: Reason | None = None

    @property
    def text(self) -> str:
        """The sentence, in English."""
        return self.finding.value.format(target=self.target, reason=self.reason or "no reason is known")


class _Failed(Exception):  # noqa: N818 -- ends a checkup, and is not an error
    """A stage has failed and was told."""


class Checkup:
    """One run of the test. `status` gives the session's latest; `on_result` hears of each stage as it is known."""

    def __init__(
        self,
        status: Callable[[], Status],
        target: Target | None = None,
        on_result: Callable[[Result], None] = lambda _: None,
        reply_timeout: float = REPLY_TIMEOUT,
        password: str = "",
    ) -> None:
        self._status = status
        self._target = target
        self._on_result = on_result
        self._reply_timeout = reply_timeout
        self._password = password
        self._results: dict[Stage, Result] = {}

    async def run(self) -> tuple[Result, ...]:
        """The results in order; the last one is of the target, or of the stage that failed."""
        async with contextlib.AsyncExitStack() as stack:
            own = self._target is None and self._status().network is PRACTICE
            if own:
                target = Target("localhost", await stack.enter_async_context(_echo_server()))
            else:
                target = self._target or directory_target(self._status().network)
            with contextlib.suppress(_Failed):
                await self._stages(stack, target, own)
        return tuple(self._results.values())

    async def _stages(self, stack: contextlib.AsyncExitStack, target: Target, own: bool) -> None:
        reader, writer = await self._reach_proxy(stack)
        asked = asyncio.ensure_future(request(reader, writer, target.host, target.port))
        stack.push_async_callback(_end, asked)
        await self._reach_gateway(asked)
        start = clock()
        code = await self._reply(asked)
        self._judge(code, target, clock() - start)
        if own:
            await self._echo(reader, writer, target)
        else:
            self._tell(Result(Stage.TARGET, Finding.TARGET_ANSWERS, clock() - start, str(target)))

    async def _reach_proxy(self, stack: contextlib.AsyncExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        status, start = self._status(), clock()
        if status.state in (State.DISCONNECTED, State.DISCONNECTING):
            self._fail(Result(Stage.PROXY, Finding.PROXY_CLOSED))
        try:
            reader, writer = await dial(status.socks.host, status.socks.port, PROXY_TIMEOUT)
            stack.push_async_callback(hang_up, writer)
            async with asyncio.timeout(PROXY_TIMEOUT):
                await greet(reader, writer, self._password)
        except (OSError, EOFError, UserError):
            self._fail(Result(Stage.PROXY, Finding.PROXY_SILENT, clock() - start))
        self._tell(Result(Stage.PROXY, Finding.PROXY_OPEN, clock() - start))
        return reader, writer

    async def _reach_gateway(self, asked: "asyncio.Future[int]") -> None:
        """Until the session serves; on demand it begins to connect only now, and the time of that counts."""
        start, waits = clock(), self._status().state is State.WAITING
        while (status := self._status()).state is not State.CONNECTED:
            if status.state is State.FAILED:
                self._fail(Result(Stage.GATEWAY, Finding.GAVE_UP, reason=status.reason))
            if asked.done() or clock() - start > CONNECT_TIMEOUT:
                self._fail(Result(Stage.GATEWAY, Finding.NOT_READY, clock() - start, reason=status.reason))
            await asyncio.wait({asked}, timeout=LOOK)
        self._tell(Result(Stage.GATEWAY, Finding.GATEWAY_READY, clock() - start if waits else None))

    async def _reply(self, asked: "asyncio.Future[int]") -> int | None:
        """The SOCKS code, None without one in time; meanwhile the mixes are told as soon as loops are back."""
        until = clock() + self._reply_timeout
        while not asked.done() and clock() < until:
            await asyncio.wait({asked}, timeout=LOOK)
            if Stage.MIXES not in self._results and self._status().delay is not None:
                self._tell(self._mixes(answered=True))
        return None if not asked.done() or asked.exception() is not None else asked.result()

    def _mixes(self, *, answered: bool) -> Result:
        """What the loops say; `answered` if something has come back through the mixes in any case."""
        status = self._status()
        seconds = None
        if status.delay is not None and (preset := PRESETS.get(status.preset)) is not None:
            seconds = preset.one_way_delay + status.delay
        if status.dropping and answered:
            return Result(Stage.MIXES, Finding.MIXES_DROP, seconds)
        return Result(Stage.MIXES, Finding.MIXES_CARRY if answered else Finding.MIXES_SILENT, seconds)

    def _judge(self, code: int | None, target: Target, seconds: float) -> None:
        """Tell what the SOCKS reply says of the way to the target; returns if it was opened."""
        status = self._status()
        if status.state is not State.CONNECTED:
            self._fail(Result(Stage.GATEWAY, Finding.NOT_READY, reason=status.reason))
        if code is None:
            self._judge_silence(status, seconds)
        self._tell(self._mixes(answered=True))
        stage, finding = _BY_REPLY.get(code or 0, (Stage.REQUESTER, Finding.EXIT_VAGUE))
        if finding.good or stage is Stage.TARGET:
            self._tell(Result(Stage.REQUESTER, Finding.EXIT_ANSWERS))
        if not finding.good:
            self._fail(Result(stage, finding, seconds, str(target)))

    def _judge_silence(self, status: Status, seconds: float) -> NoReturn:
        """Blame the mixes if our own loops do not come back either, else the requester."""
        loops_come_back = status.delay is not None and (status.loss or 0.0) < BAD_LOSS
        mixes = self._mixes(answered=loops_come_back or status.rates.loop is None)
        if not mixes.finding.good:
            self._fail(mixes)
        self._tell(mixes)
        self._fail(Result(Stage.REQUESTER, Finding.EXIT_SILENT, seconds))

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> None:
        start, sample, came = clock(), secrets.token_bytes(ECHO_LENGTH), b""
        with contextlib.suppress(OSError, EOFError):
            async with asyncio.timeout(ECHO_TIMEOUT):
                writer.write(sample)
                came = await reader.readexactly(ECHO_LENGTH)
        if came != sample:
            self._fail(Result(Stage.TARGET, Finding.TARGET_BREAKS, clock() - start, str(target)))
        self._tell(Result(Stage.TARGET, Finding.TARGET_ECHOES, clock() - start, str(target)))

    def _tell(self, result: Result) -> None:
        """A later word on a stage replaces the earlier one."""
        self._results[result.stage] = result
        self._on_result(result)

    def _fail(self, result: Result) -> NoReturn:
        self._tell(result)
        raise _Failed


def parse_target(text: str) -> Target:
    """What a person has typed as ``host:port``; UserError with one sentence if it is not that."""
    try:
        target = Target.parse(text.strip())
        target.host.encode("idna")
    except (WireError, UnicodeError):
        raise UserError("Write host and port, such as example.org:443.") from None
    return target


def directory_target(network: Network) -> Target:
    """The server of the directory of a network that is not the practice network."""
    url = urlsplit(network.url if isinstance(network, OwnNetwork) else MAINNET_API)
    return Target(url.hostname or "", url.port or (80 if url.scheme == "http" else 443))


@contextlib.asynccontextmanager
async def _echo_server() -> AsyncIterator[int]:
    """Sends one sample back to each caller, on loopback; yields its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            writer.write(await reader.readexactly(ECHO_LENGTH))
            await writer.drain()
        await hang_up(writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.spawn(echo(reader, writer), "caller")

    callers = TaskSet("practice target")
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await callers.close()


async def _end(asked: "asyncio.Future[int]") -> None:
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)

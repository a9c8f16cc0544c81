"""Keeps a gateway's mailbox and clients on disk, and holds acks back until what they acknowledge is safe.

The rule: **the ack of a message leaves once the message is committed to the database, or in the kernel's buffer for its
client, or with its client.** It waits with the group of the moment. Every GROUP seconds a group is closed and written,
in a thread; its acks leave when the next one is closed, however long the disk took. So an ack comes one to two GROUPs
after its message whether the client was there or not, and whether it was cover or not: its time tells nobody.

What may be lost, though acked: what the kernel held for a connected client and its TCP had not confirmed when the
gateway was killed. If only the connection breaks, that is kept for the next session. A client may get a message twice.

What found no room in the mailbox and is on its way to a connected client is in memory only. Its ack waits until the
client has it; if the connection breaks before, both are given up.

When the disk fails, the acks of the group do not leave, and its messages are given up: their senders send them again.
Only what had been handed to a client before waits for the next group.
Without a directory everything is in memory, and acks leave at once.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec import MsgspecError

from nymconnect.node.gateway.mailbox import DEFAULT_LIMITS, Mail, Mailbox, MailboxLimits, MailGroup
from nymconnect.node.gateway.registry import ClientRegistry, RegistryChanges
from nymconnect.node.gateway.store import GatewayStore
from nymconnect.packet.framing import MixPacket
from nymconnect.runtime.clock import clock, unix_offset
from nymconnect.runtime.repeats import Repeats
from nymconnect.runtime.tasks import TaskSet

log = logging.getLogger(__name__)

GROUP = 0.025  # seconds that a group collects
SAVE_INTERVAL = 10.0  # seconds after which spent bandwidth is written
PURGE_INTERVAL = 3600.0
AFTER_FAILURE = 0.5  # seconds until a disk that failed is tried again
MAX_ACKS = 50_000  # that wait for one group; more only if the disk stands still

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Group:
    mail: MailGroup
    clients: RegistryChanges
    acks: list[MixPacket]

    @property
    def has_rows(self) -> bool:
        return bool(self.mail.rows or self.mail.gone or self.clients)


class MailKeeper:
    """The mailbox and the registry of a gateway. `acknowledge` sends an ack; `lost_acks` counts those given up."""

    def __init__(
        self, directory: Path | None, acknowledge: Callable[[MixPacket], None], limits: MailboxLimits = DEFAULT_LIMITS
    ) -> None:
        self.mailbox = Mailbox(limits, durable=directory is not None)
        self.registry = ClientRegistry(self.mailbox, on_news=self._news)
        self.lost_acks = 0
        self._directory = directory
        self._acknowledge = acknowledge
        self._store: GatewayStore | None = None
        self._thread = ThreadPoolExecutor(1, "gateway database")
        self._tasks = TaskSet("mail keeper")
        self._acks: list[MixPacket] = []
        self._held: dict[bytes, dict[int, list[MixPacket]]] = {}  # by client and number of a message in flight
        self._more = asyncio.Event()
        self._write_clients = False
        self._unix_offset = unix_offset()
        self._alarms = Repeats()

    async def open(self) -> None:
        """Read what is on disk, and begin; UserError if the database cannot be used."""
        if self._directory is not None:
            self._thread = ThreadPoolExecutor(1, "gateway database")
            try:
                store = self._store = await self._load(self._directory)
            except BaseException:
                await asyncio.to_thread(self._thread.shutdown)
                raise
            self._tasks.keep(partial(self._write_groups, store), "groups")
        self._tasks.keep(self._keep_house, "housekeeping")

    async def _load(self, directory: Path) -> GatewayStore:
        store = await self._in_thread(GatewayStore, directory)
        try:
            self.registry.load(await self._in_thread(store.clients))
            self.mailbox.load(await self._in_thread(store.mail), self._now())
        except BaseException as error:
            await self._in_thread(store.close)
            if isinstance(error, sqlite3.Error | MsgspecError):
                raise store.unusable(error) from error
            raise
        return store

    @property
    def crashes(self) -> int:
        """Tasks that failed by our own fault."""
        return self._tasks.crashes

    async def close(self) -> None:
        """Write what is left. Acks that have not left do not leave any more; their messages come again."""
        await self._tasks.close()
        store, self._store = self._store, None
        if store is None:
            return
        self._write_clients = True
        group = self._close_group()
        await self._commit(store, group)
        self._acks.clear()
        await self._in_thread(store.close)
        await asyncio.to_thread(self._thread.shutdown)

    # --- messages -----------------------------------------------------------------------------------------------

    def store(self, client: bytes, content: bytes, *, connected: bool = False) -> Mail | None:
        """Keep a message until `client` has it; None if there is no room."""
        known = self.registry.get(client) is not None
        mail = self.mailbox.store(client, content, self._now(), registered=known, connected=connected)
        self._more.set()
        return mail

    def acknowledge(self, packet: MixPacket) -> None:
        """Send this ack once everything stored until now is safe, but for what is in flight."""
        if self._store is None:
            self._acknowledge(packet)
        elif len(self._acks) < MAX_ACKS:
            self._acks.append(packet)
            self._more.set()
        else:
            self.lost_acks += 1

    def acknowledge_mail(self, packet: MixPacket, client: bytes, mail: Mail) -> None:
        """Send this ack once the message of `client` is safe."""
        if self.mailbox.is_in_flight(client, mail.number):
            self._held.setdefault(client, {}).setdefault(mail.number, []).append(packet)
        else:
            self.acknowledge(packet)

    async def read(self, client: bytes, behind: int, limit: int) -> list[Mail]:
        """The oldest messages with numbers greater than `behind`; OSError if the disk does not give them."""
        numbers = self.mailbox.waiting(client, behind, self._now(), limit)
        contents = {number: self.mailbox.content(client, number) for number in numbers}
        missing = [number for number, content in contents.items() if content is None]
        if missing and self._store is not None:
            try:
                contents |= await self._in_thread(self._store.read, missing)
            except sqlite3.Error as error:
                self._alarm(error)
                raise OSError("the mailbox does not read") from error
        return [Mail(number, content) for number, content in contents.items() if content is not None]

    def handed(self, client: bytes, mail: Mail) -> None:
        """The kernel has the message."""
        self.mailbox.handed(client, mail.number)

    def delete(self, client: bytes, mail: Mail) -> None:
        """The client has the message."""
        self.mailbox.delete(client, mail.number)
        for packet in self._held.get(client, {}).pop(mail.number, ()):
            self.acknowledge(packet)
        self._more.set()

    def take_back(self, client: bytes) -> None:
        """The client's connection has ended."""
        self.mailbox.take_back(client)
        self.lost_acks += sum(len(packets) for packets in self._held.pop(client, {}).values())
        self._more.set()

    # --- groups -------------------------------------------------------------------------------------------------

    async def _write_groups(self, store: GatewayStore) -> None:
        while True:
            await self._more.wait()
            await asyncio.sleep(GROUP)
            while (group := self._close_group()) is not None:
                _, committed = await asyncio.gather(asyncio.sleep(GROUP), self._commit(store, group))
                if committed:
                    for packet in group.acks:
                        self._acknowledge(packet)
                else:
                    self.lost_acks += len(group.acks)
                    await asyncio.sleep(AFTER_FAILURE)

    def _close_group(self) -> _Group | None:
        """None if there is nothing to do."""
        self._more.clear()
        wanted, self._write_clients = self._write_clients, False
        acks, self._acks = self._acks, []
        changes = self.registry.take_changes() if wanted else RegistryChanges()
        group = _Group(self.mailbox.close_group(), changes, acks)
        return group if group.has_rows or acks else None

    async def _commit(self, store: GatewayStore, group: _Group | None) -> bool:
        if group is None or not group.has_rows:
            return True
        writing = asyncio.ensure_future(self._in_thread(store.commit, group.mail, group.clients))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])  # it is being written all the same, and `close` has to know how that ended
            self._settle(group, writing)
            raise
        except Exception:
            pass  # whatever it was, the group is not on disk: `_settle` looks at it
        return self._settle(group, writing)

    def _settle(self, group: _Group, written: asyncio.Future[None]) -> bool:
        error = written.exception()
        if error is None:
            self.mailbox.committed(group.mail)
            return True
        self._alarm(error)
        self.mailbox.failed(group.mail)
        self.registry.give_back(group.clients)
        return False

    async def _keep_house(self) -> None:
        next_purge = clock() + PURGE_INTERVAL
        while True:
            await asyncio.sleep(SAVE_INTERVAL)
            if clock() >= next_purge:
                next_purge = clock() + PURGE_INTERVAL
                self.mailbox.purge(self._now())
            if self._store is None:
                self.registry.take_changes()  # for nobody, and they would become ever more
            self._news()

    def _news(self) -> None:
        self._write_clients = True
        self._more.set()

    async def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args, **kwargs))

    def _now(self) -> float:
        return clock() + self._unix_offset

    def _alarm(self, error: BaseException) -> None:
        if self._alarms.count(clock()):
            log.error("the gateway's database cannot be used, so messages are not acknowledged: %s", error)

"""Acks leave when what they acknowledge is safe, and not before."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nymconnect.errors import UserError
from nymconnect.link.gateway.bandwidth import Registration
from nymconnect.node.gateway import mailbox_writer
from nymconnect.node.gateway.mailbox import MailboxLimits
from nymconnect.node.gateway.mailbox_writer import MailKeeper
from nymconnect.node.gateway.store import DATABASE, GatewayStore
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import MixPacket
from tests.helpers.stage import eventually

ALICE = b"a" * 32


def ack(number: int) -> MixPacket:
    return MixPacket(NodeAddress("10.0.0.1", number), b"")


def on_disk(directory: Path, table: str = "mail") -> int:
    database = sqlite3.connect(f"{(directory / DATABASE).as_uri()}?mode=ro", uri=True)
    try:
        count: int = database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        return count
    finally:
        database.close()


class Stage:
    """A keeper whose acks are kept, with what was on disk when each left."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self.acks: list[int] = []
        self.rows: list[int] = []
        self.keeper = MailKeeper(directory, self._left)

    def _left(self, packet: MixPacket) -> None:
        self.acks.append(packet.next_hop.port)
        self.rows.append(on_disk(self.directory) if self.directory else 0)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    opened = Stage(tmp_path)
    await opened.keeper.open()
    yield opened
    await opened.keeper.close()


async def test_an_ack_leaves_only_after_its_message_is_on_disk(stage: Stage) -> None:
    for number in range(1, 101):
        assert stage.keeper.store(ALICE, bytes(100))
        stage.keeper.acknowledge(ack(number))
        await asyncio.sleep(0)
    assert stage.acks == []
    await eventually(lambda: len(stage.acks) == 100)
    assert stage.acks == list(range(1, 101))
    assert all(rows >= number for number, rows in enumerate(stage.rows, 1))


async def test_the_ack_of_cover_waits_as_long_as_that_of_a_message(stage: Stage) -> None:
    """Who watches the gateway must not see which is which."""
    stage.keeper.acknowledge(ack(1))
    assert stage.keeper.store(ALICE, b"1")
    stage.keeper.acknowledge(ack(2))
    stage.keeper.acknowledge(ack(3))
    await eventually(lambda: bool(stage.acks))
    assert stage.acks == [1, 2, 3]


async def test_a_message_that_the_client_has_at_once_is_not_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[object] = []
    monkeypatch.setattr(GatewayStore, "commit", lambda _self, *group: commits.append(group))
    mail = stage.keeper.store(ALICE, b"1")
    assert mail is not None
    stage.keeper.delete(ALICE, mail)
    stage.keeper.acknowledge(ack(1))
    await eventually(lambda: stage.acks == [1])
    assert commits == []


async def test_what_was_taken_back_from_a_broken_connection_is_written(stage: Stage, tmp_path: Path) -> None:
    mail = stage.keeper.store(ALICE, b"1")
    assert mail is not None
    stage.keeper.handed(ALICE, mail)
    stage.keeper.acknowledge(ack(1))
    await eventually(lambda: stage.acks == [1])
    assert on_disk(tmp_path) == 0
    stage.keeper.take_back(ALICE)
    await eventually(lambda: on_disk(tmp_path) == 1)
    assert await stage.keeper.read(ALICE, 0, 10) == [mail]


async def test_messages_are_read_from_disk_in_order_and_deleted_there(stage: Stage, tmp_path: Path) -> None:
    mails = [stage.keeper.store(ALICE, bytes([number]) * 50) for number in range(20)]
    await eventually(lambda: on_disk(tmp_path) == 20)
    await eventually(lambda: stage.keeper.mailbox.content(ALICE, 1) is None)
    fresh = stage.keeper.store(ALICE, b"fresh")
    assert await stage.keeper.read(ALICE, 0, 100) == [*mails, fresh]
    for mail in mails:
        assert mail is not None
        stage.keeper.delete(ALICE, mail)
    await eventually(lambda: on_disk(tmp_path) == 1)


async def test_everything_is_there_after_an_orderly_end(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    await first.keeper.open()
    first.keeper.registry.put(ALICE, Registration(b"k" * 32, 5, 6, 7))
    mails = [first.keeper.store(ALICE, bytes([number])) for number in range(10)]
    await first.keeper.close()
    second = Stage(tmp_path)
    await second.keeper.open()
    assert second.keeper.registry.get(ALICE) == Registration(b"k" * 32, 5, 6, 7)
    assert await second.keeper.read(ALICE, 0, 100) == mails
    await second.keeper.close()


async def test_a_new_key_is_on_disk_long_before_the_next_save(stage: Stage, tmp_path: Path) -> None:
    stage.keeper.registry.put(ALICE, Registration(b"k" * 32))
    await eventually(lambda: on_disk(tmp_path, "clients") == 1, mailbox_writer.SAVE_INTERVAL / 2)


async def test_while_the_disk_fails_no_ack_leaves_and_the_gateway_lives(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(GatewayStore, "commit", full)
        stage.keeper.registry.put(ALICE, Registration(b"k" * 32))
        for number in (1, 2):
            assert stage.keeper.store(ALICE, b"1")
            stage.keeper.acknowledge(ack(number))
            await eventually(lambda number=number: stage.keeper.lost_acks == number)
    assert stage.acks == []
    assert len(stage.keeper.mailbox) == 0
    assert caplog.text.count("disk is full") == 1
    assert stage.keeper.store(ALICE, b"2")
    stage.keeper.acknowledge(ack(3))
    await eventually(lambda: stage.acks == [3])
    await stage.keeper.close()
    assert on_disk(tmp_path, "clients") == 1


async def test_acked_mail_of_a_broken_connection_outlives_a_full_disk(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    mail = stage.keeper.store(ALICE, b"1")
    assert mail is not None
    stage.keeper.handed(ALICE, mail)
    stage.keeper.acknowledge(ack(1))
    await eventually(lambda: stage.acks == [1])
    with monkeypatch.context() as patch:
        patch.setattr(GatewayStore, "commit", full)
        stage.keeper.take_back(ALICE)
        stage.keeper.acknowledge(ack(2))
        await eventually(lambda: stage.keeper.lost_acks == 1)
    await eventually(lambda: on_disk(tmp_path) == 1)


async def test_the_ack_of_a_message_in_flight_waits_until_the_client_has_it(tmp_path: Path) -> None:
    acks: list[int] = []
    keeper = MailKeeper(tmp_path, lambda packet: acks.append(packet.next_hop.port), MailboxLimits(per_client=0))
    await keeper.open()
    mails = [keeper.store(ALICE, bytes([number]), connected=True) for number in range(3)]
    for number, mail in enumerate(mails):
        assert mail is not None
        keeper.acknowledge_mail(ack(number), ALICE, mail)
    keeper.acknowledge(ack(9))
    await eventually(lambda: acks == [9])
    assert mails[1] is not None
    keeper.delete(ALICE, mails[1])
    await eventually(lambda: acks == [9, 1])
    keeper.take_back(ALICE)
    assert (keeper.lost_acks, len(keeper.mailbox)) == (2, 0)
    await keeper.close()
    assert acks == [9, 1]


async def test_a_mailbox_that_does_not_read_is_an_error_of_the_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rotten(*_: object) -> None:
        raise sqlite3.DatabaseError("rotten")

    assert stage.keeper.store(ALICE, b"1")
    await eventually(lambda: stage.keeper.mailbox.content(ALICE, 1) is None)
    monkeypatch.setattr(GatewayStore, "read", rotten)
    with pytest.raises(OSError, match="does not read"):
        await stage.keeper.read(ALICE, 0, 10)


async def test_acks_that_wait_for_the_disk_are_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_writer, "MAX_ACKS", 2)
    for number in (1, 2, 3):
        stage.keeper.acknowledge(ack(number))
    assert stage.keeper.lost_acks == 1
    await eventually(lambda: stage.acks == [1, 2])


async def test_without_a_directory_all_is_in_memory_and_acks_leave_at_once() -> None:
    stage = Stage(None)
    await stage.keeper.open()
    mail = stage.keeper.store(ALICE, b"1")
    stage.keeper.acknowledge(ack(1))
    assert stage.acks == [1]
    assert await stage.keeper.read(ALICE, 0, 10) == [mail]
    await stage.keeper.close()


@pytest.mark.parametrize("statement", ["UPDATE clients SET shared_key = x'00'", "DROP TABLE mail"])
async def test_a_database_that_does_not_read_is_one_line_and_lets_go_of_the_folder(
    tmp_path: Path, statement: str
) -> None:
    first = Stage(tmp_path)
    await first.keeper.open()
    first.keeper.registry.put(ALICE, Registration(b"k" * 32))
    await first.keeper.close()
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute(statement)
    database.commit()
    database.close()
    for _ in range(2):
        with pytest.raises(UserError, match=f"cannot use .*{DATABASE}"):
            await MailKeeper(tmp_path, lambda _: None).open()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gateway database")]


async def test_a_full_mailbox_keeps_nothing(tmp_path: Path) -> None:
    keeper = MailKeeper(tmp_path, lambda _: None, MailboxLimits(per_client=100))
    await keeper.open()
    assert keeper.store(ALICE, bytes(100)) is None
    await keeper.close()

"""The database of a gateway: what is committed is there again, and nobody else may read it."""

import os
import random
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nymconnect.errors import UserError
from nymconnect.node.gateway.mailbox import MailGroup, MailRow, MailSummary
from nymconnect.node.gateway.registry import RegistryChanges, StoredRegistration, StoredRegistry
from nymconnect.node.gateway.store import DATABASE, EARLIER_CLIENTS, GatewayStore
from nymconnect.storage import Document

RNG = random.Random(7)
ALICE, BOB = b"a" * 32, b"b" * 32
NOTHING = MailGroup((), ())


def client(number: int, available: int = 0) -> StoredRegistration:
    return StoredRegistration(number.to_bytes(32, "big"), bytes([number]) * 32, number, available, 20_000)


def row(number: int, content: bytes = b"content", owner: bytes = ALICE) -> MailRow:
    return MailRow(number, owner, True, 5.0, content)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GatewayStore]:
    opened = GatewayStore(tmp_path)
    yield opened
    opened.close()


def again(store: GatewayStore, directory: Path) -> GatewayStore:
    store.close()
    return GatewayStore(directory)


def test_messages_and_clients_are_there_when_it_is_opened_again(store: GatewayStore, tmp_path: Path) -> None:
    contents = {number: RNG.randbytes(2000) for number in range(1, 1200)}
    store.commit(MailGroup(tuple(row(number, content) for number, content in contents.items()), ()), RegistryChanges())
    store.commit(MailGroup((), (1, 2)), RegistryChanges((client(1), client(2, available=2**61)), ()))
    second = again(store, tmp_path)
    assert second.clients() == [client(1), client(2, available=2**61)]
    assert second.mail() == [MailSummary(number, ALICE, True, 5.0, 2000) for number in range(3, 1200)]
    assert second.read(list(contents)) == {number: contents[number] for number in range(3, 1200)}
    second.close()


def test_clients_come_in_the_order_in_which_they_were_heard_of(store: GatewayStore, tmp_path: Path) -> None:
    store.commit(NOTHING, RegistryChanges((client(1), client(2), client(3)), ()))
    second = again(store, tmp_path)
    second.commit(NOTHING, RegistryChanges((client(1, available=9),), (client(2).identity,)))
    assert second.clients() == [client(3), client(1, available=9)]
    second.close()


def test_a_group_is_written_as_a_whole_or_not_at_all(store: GatewayStore) -> None:
    store.commit(MailGroup((row(1),), ()), RegistryChanges())
    bad = StoredRegistration(ALICE, b"k" * 32, 2**63, 0, 0)  # SQLite's integers end below that
    with pytest.raises((sqlite3.Error, OverflowError)):
        store.commit(MailGroup((row(2),), (1,)), RegistryChanges((bad,), ()))
    assert [mail.number for mail in store.mail()] == [1]
    store.commit(MailGroup((row(2),), (1,)), RegistryChanges())
    assert [mail.number for mail in store.mail()] == [2]


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_files_are_for_their_owner_only_and_others_are_refused(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    before = os.umask(0)
    try:
        store = GatewayStore(directory)
        store.commit(MailGroup((row(1),), ()), RegistryChanges((client(1),), ()))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) >= {DATABASE, f"{DATABASE}-wal"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    store.close()
    (directory / DATABASE).chmod(0o640)
    with pytest.raises(UserError, match="open to other users"):
        GatewayStore(directory)
    (directory / DATABASE).chmod(0o600)
    GatewayStore(directory).close()


def test_two_gateways_do_not_share_a_database(store: GatewayStore, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another gateway"):
        GatewayStore(tmp_path)
    again(store, tmp_path).close()


def test_a_damaged_database_is_set_aside(store: GatewayStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store.commit(MailGroup(tuple(row(number, bytes(2000)) for number in range(50)), ()), RegistryChanges())
    store.close()
    data = bytearray((tmp_path / DATABASE).read_bytes())
    data[4096:20_000] = RNG.randbytes(20_000 - 4096)
    (tmp_path / DATABASE).write_bytes(data)
    second = GatewayStore(tmp_path)
    assert (second.mail(), second.clients()) == ([], [])
    assert f"{DATABASE} does not read" in caplog.text
    assert len(list(tmp_path.glob(f"{DATABASE}.corrupt-*"))) == 1
    second.close()


def test_a_database_of_a_newer_version_is_left_alone(store: GatewayStore, tmp_path: Path) -> None:
    store.close()
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UserError, match="newer version"):
        GatewayStore(tmp_path)
    assert (tmp_path / DATABASE).exists()


def test_the_clients_of_an_earlier_version_are_taken_in_once(tmp_path: Path) -> None:
    earlier = Document(tmp_path / EARLIER_CLIENTS, StoredRegistry)
    earlier.save(StoredRegistry([client(3), client(1)]))
    store = GatewayStore(tmp_path)
    assert store.clients() == [client(3), client(1)]
    assert not earlier.path.exists()
    store.commit(NOTHING, RegistryChanges((client(1, available=7),), ()))
    earlier.save(StoredRegistry([client(1), client(2)]))  # as after a crash before it was removed
    second = again(store, tmp_path)
    assert sorted(second.clients(), key=lambda row: row.identity) == [client(1, available=7), client(2), client(3)]
    second.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_earlier_clients_that_others_may_read_are_refused(tmp_path: Path) -> None:
    earlier = Document(tmp_path / EARLIER_CLIENTS, StoredRegistry)
    earlier.save(StoredRegistry([client(1)]))
    earlier.path.chmod(0o644)
    with pytest.raises(UserError, match="open to other users"):
        GatewayStore(tmp_path)


def test_a_commit_survives_without_a_close(store: GatewayStore, tmp_path: Path) -> None:
    """What a second reader of the same files sees is what a killed process leaves."""
    store.commit(MailGroup((row(1),), ()), RegistryChanges((client(1),), ()))
    database = sqlite3.connect(f"{(tmp_path / DATABASE).as_uri()}?mode=ro", uri=True)
    assert database.execute("SELECT COUNT(*) FROM mail").fetchone() == (1,)
    assert database.execute("SELECT COUNT(*) FROM clients").fetchone() == (1,)
    database.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_side_file_that_others_may_read_is_refused(tmp_path: Path, suffix: str) -> None:
    side = tmp_path / (DATABASE + suffix)
    side.touch()
    side.chmod(0o666)
    with pytest.raises(UserError, match=rf"{DATABASE}{suffix} is open to other users"):
        GatewayStore(tmp_path)
    side.unlink()
    GatewayStore(tmp_path).close()

"""The database of a gateway: its clients, and the messages that wait for them. SQLite, with a write-ahead log.

One transaction for all that a group holds. ``synchronous=FULL``: what has been committed survives the death of the
process and of the machine. Everything here blocks, and is for one thread.

The file holds shared keys, so the rules of key files hold for it: 0600 in a folder of 0700, and refused if others may
read it. Earlier versions kept the clients in `clients.json`; that is taken in once, and removed.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from nymconnect.errors import UsageError, UserError
from nymconnect.node.gateway.mailbox import MailGroup, MailSummary
from nymconnect.node.gateway.registry import RegistryChanges, StoredRegistration, StoredRegistry
from nymconnect.reasons import Words
from nymconnect.storage import (
    PRIVATE_FILE,
    Document,
    Lock,
    make_private_directory,
    refuse_open_to_others,
    set_aside,
)
from nymconnect.system_reasons import FileUnusable, FileUse, NewerFile

DATABASE = "gateway.db"
LOCK_FILE = "gateway.lock"
EARLIER_CLIENTS = "clients.json"
_SIDE_FILES = ("-wal", "-shm")
_VERSION = 1
_SCHEMA = """
CREATE TABLE clients (
    identity BLOB PRIMARY KEY, shared_key BLOB NOT NULL, last_timestamp INTEGER NOT NULL, available INTEGER NOT NULL,
    expires_day INTEGER NOT NULL, heard INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE mail (
    number INTEGER PRIMARY KEY, client BLOB NOT NULL, registered INTEGER NOT NULL, stored_at REAL NOT NULL,
    content BLOB NOT NULL
);
"""
_READ_AT_ONCE = 500  # SQLite takes 999 variables in every version


class GatewayStore:
    """The open database."""

    def __init__(self, directory: Path) -> None:
        """Opens it; UserError if that is impossible. A damaged database is set aside, and a new one begun."""
        self._directory = directory
        self._path = directory / DATABASE
        make_private_directory(directory)
        self._lock = Lock(directory / LOCK_FILE)
        if not self._lock.acquire():
            raise UserError(f"another gateway runs in {directory}")
        try:
            self._database = self._open()
        except BaseException as error:
            self._lock.release()
            if isinstance(error, sqlite3.Error):
                raise self.unusable(error) from error
            raise
        try:
            self._heard = self._one("SELECT COALESCE(MAX(heard), 0) FROM clients")
            self._take_in_earlier_clients()
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise self.unusable(error) from error
            raise

    def close(self) -> None:
        """Write everything into the one file, and let go of it."""
        self._database.close()
        self._lock.release()

    def clients(self) -> list[StoredRegistration]:
        """Every client, the one heard of last at the end; sqlite3.Error or MsgspecError if it does not read."""
        rows = self._database.execute(
            "SELECT identity, shared_key, last_timestamp, available, expires_day FROM clients ORDER BY heard"
        )
        return [msgspec.convert(row, StoredRegistration, from_attributes=False) for row in map(_named, rows)]

    def mail(self) -> list[MailSummary]:
        """Every message without its content, in the order of the numbers."""
        rows = self._database.execute(
            "SELECT number, client, registered, stored_at, LENGTH(content) FROM mail ORDER BY number"
        )
        return [MailSummary(number, client, bool(known), at, length) for number, client, known, at, length in rows]

    def read(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """The contents of these messages, as far as they are there; sqlite3.Error if the file does not read."""
        found: dict[int, bytes] = {}
        for first in range(0, len(numbers), _READ_AT_ONCE):
            some = numbers[first : first + _READ_AT_ONCE]
            marks = ",".join("?" * len(some))
            found.update(self._database.execute(f"SELECT number, content FROM mail WHERE number IN ({marks})", some))
        return found

    def commit(self, mail: MailGroup, clients: RegistryChanges) -> None:
        """Write all of it, or nothing; an error if that fails, mostly sqlite3.Error."""
        run = self._database
        run.execute("BEGIN IMMEDIATE")
        try:
            run.executemany(
                "INSERT OR REPLACE INTO mail VALUES (?, ?, ?, ?, ?)",
                ((row.number, row.client, row.registered, row.stored_at, row.content) for row in mail.rows),
            )
            run.executemany("DELETE FROM mail WHERE number = ?", ((number,) for number in mail.gone))
            self._write_clients(clients.kept)
            run.executemany("DELETE FROM clients WHERE identity = ?", ((client,) for client in clients.removed))
            run.execute("COMMIT")
        except BaseException:
            if run.in_transaction:
                run.execute("ROLLBACK")
            raise

    def _write_clients(self, clients: Iterable[StoredRegistration], *, replace: bool = True) -> None:
        rows = []
        for row in clients:
            self._heard += 1
            rows.append((row.identity, row.shared_key, row.last_timestamp, row.available, row.expires_day, self._heard))
        what = "REPLACE" if replace else "IGNORE"
        self._database.executemany(f"INSERT OR {what} INTO clients VALUES (?, ?, ?, ?, ?, ?)", rows)

    # --- opening ------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        for suffix in ("", *_SIDE_FILES):  # what was written last is in a side file, keys as well
            refuse_open_to_others(self._path.with_name(DATABASE + suffix), "database")
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            raise self.unusable(error) from error
        except sqlite3.DatabaseError as error:
            set_aside(self._path, str(error))
            for suffix in _SIDE_FILES:
                self._path.with_name(DATABASE + suffix).unlink(missing_ok=True)
            return self._connect()

    def unusable(self, error: Exception) -> UserError:
        """What to tell a person of an error that this object raised."""
        return UserError(FileUnusable(self._path, FileUse.USE, Words(str(error))))

    def _connect(self) -> sqlite3.Connection:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))  # SQLite would follow the umask
        except OSError as error:
            raise UserError(FileUnusable.of(self._path, FileUse.USE, error)) from error
        database = sqlite3.connect(self._path, isolation_level=None)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise UserError(NewerFile(self._path))
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = FAST")
        if version == 0:
            database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif (found := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found)

    def _take_in_earlier_clients(self) -> None:
        path = self._directory / EARLIER_CLIENTS
        stored = Document(path, StoredRegistry, holds_keys=True).load()
        if stored is None:
            return
        self._database.execute("BEGIN IMMEDIATE")
        self._write_clients(stored.clients, replace=False)
        self._database.execute("COMMIT")
        path.unlink(missing_ok=True)

    def _one(self, query: str) -> int:
        with closing(self._database.execute(query)) as found:
            value = found.fetchone()[0]
        if not isinstance(value, int):
            raise UsageError(f"no number from {query}")
        return value


def _named(row: tuple[bytes, bytes, int, int, int]) -> dict[str, object]:
    return dict(zip(StoredRegistration.__struct_fields__, row, strict=True))

"""One window for each user: a second start shows the window of the first one and ends.

A lock says who is first, so a crash leaves nothing to clean up; a local socket, open to this user only, carries the one
word that the second has to say.
"""

import os
import sys

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from nymconnect.crypto import blake3_digest
from nymconnect.storage import Directories, Lock

SHOW, STAY = b"show\n", b"stay\n"
PATIENCE = 2000  # milliseconds
MAX_PATH = 100  # bytes; sockets take 104 to 108, depending on the system


class SingleInstance(QObject):
    """`wanted` is emitted when somebody started the program again and wants to see it."""

    wanted = Signal()

    def __init__(self, directories: Directories, parent: QObject | None = None) -> None:
        super().__init__(parent)
        directories.create()
        self._lock = Lock(directories.data / "window.lock")
        self._name = server_name(directories)
        self._server: QLocalServer | None = None

    @property
    def is_first(self) -> bool:
        """Whether `acquire` has succeeded."""
        return self._server is not None

    def acquire(self) -> bool:
        """Whether this is the first one; it then listens for others. UserError if the lock cannot be made."""
        if not self._lock.acquire():
            return False
        QLocalServer.removeServer(self._name)  # whoever had it has crashed, for the lock is free
        server = self._server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._called)
        server.listen(self._name)
        return True

    def call_first(self, *, show: bool) -> bool:
        """Tell the first one that we are here, and what for; whether it has heard."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(PATIENCE):
            return False
        socket.write(SHOW if show else STAY)
        return socket.waitForBytesWritten(PATIENCE) and socket.waitForDisconnected(PATIENCE)

    def release(self) -> None:
        """Let the next one be first."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.release()

    def _called(self) -> None:
        assert self._server is not None
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda socket=socket: self._hear(socket))
            socket.disconnected.connect(socket.deleteLater)

    def _hear(self, socket: QLocalSocket) -> None:
        if socket.readLine(16).data() == SHOW:
            self.wanted.emit()
        socket.disconnectFromServer()


def server_name(directories: Directories) -> str:
    """A path in a folder of this user's own; where sockets have no paths, or it is too long, a name as unique."""
    path = str(directories.cache / "window.socket")
    if sys.platform != "win32" and len(os.fsencode(path)) <= MAX_PATH:
        return path
    return "nymconnect-" + blake3_digest(os.fsencode(path)).hex()[:24]

"""One window for each user: a second start shows the window of the first one and ends.

A lock says who is first, so a crash leaves nothing to clean up; a local socket, open to this user only, carries the one
word that the second, or `nymconnect control`, has to say (`nymconnect_proxy.commands.control_line`).
"""

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from nymconnect.storage import Directories, Lock
from nymconnect_proxy.commands.control_line import MAX_ORDER, ORDERS, SHOW, STAY, server_name

log = logging.getLogger(__name__)

PATIENCE = 5000  # milliseconds


class SingleInstance(QObject):
    """`wanted` is emitted when somebody started the program again and wants to see it.

    `obey` does what an order says, and gives the answer, one line.
    """

    wanted = Signal()

    def __init__(self, directories: Directories, parent: QObject | None = None) -> None:
        super().__init__(parent)
        directories.create()
        self._lock = Lock(directories.data / "window.lock")
        self._name = server_name(directories)
        self._server: QLocalServer | None = None
        self.obey: Callable[[str], bytes] = lambda _: b""

    @property
    def is_first(self) -> bool:
        """Whether `acquire` has succeeded."""
        return self._server is not None

    def acquire(self) -> bool:
        """Whether this is the first one; it then listens for others. UserError if the lock cannot be made."""
        if not self._lock.acquire():
            return False
        QLocalServer.removeServer(self._name)  # its owner has crashed, for the lock is free
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
        socket.write(f"{SHOW if show else STAY}\n".encode())
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
        if not socket.canReadLine() and socket.bytesAvailable() <= MAX_ORDER:
            return  # the rest is on its way
        order = bytes(socket.readLine(MAX_ORDER).data()).decode("ascii", "replace").strip()
        if order == SHOW:
            self.wanted.emit()
        if order in ORDERS:
            socket.write(self.obey(order))
            socket.flush()
        socket.disconnectFromServer()

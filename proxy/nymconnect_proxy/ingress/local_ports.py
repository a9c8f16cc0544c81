"""The doors of a session on this machine: the SOCKS port, and the RPC address if there is one."""

from collections.abc import Awaitable, Callable

from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect_proxy.ingress.listener import ListenerOptions, SocksListener
from nymconnect_proxy.ingress.reasons import RpcUrlMissing, RpcUrlPrivate
from nymconnect_proxy.ingress.rpc import RpcDoor, RpcOptions
from nymconnect_proxy.protocol.private_names import is_private, is_private_address
from nymconnect_proxy.settings.networks import PRACTICE, stands_here
from nymconnect_proxy.settings.settings import Settings
from nymconnect_proxy.streams.back_pressure import backlog_for


class Doors:
    """Both open and close together. `socks` and `rpc` say where they are."""

    def __init__(
        self, listener: SocksListener, socks: Endpoint, rpc_door: RpcDoor | None, rpc: Endpoint | None
    ) -> None:
        self.listener = listener
        self.socks = socks
        self.rpc = rpc
        self._rpc_door = rpc_door

    @classmethod
    async def open(cls, settings: Settings, hold: Callable[[], Awaitable[None]] | None) -> "Doors":
        """Open what the settings ask for; UserError if that is not possible, and then nothing is open."""
        password = settings.password.text.encode() if settings.password else None
        at_home = stands_here(settings.network)
        backlog = backlog_for(settings.traffic(own_network=settings.network is PRACTICE).useful_rate)
        options = ListenerOptions(
            backlog=backlog, allow_remote=settings.allow_remote, password=password, localhost=at_home
        )
        listener = SocksListener(options, hold=hold)
        wanted = settings.socks
        socks = Endpoint(wanted.host, await listener.start(wanted.host, wanted.port))
        if settings.rpc_listen is None:
            return cls(listener, socks, None, None)
        try:
            if settings.rpc_url is None:
                raise UserError(RpcUrlMissing())
            if is_private(settings.rpc_url.host, localhost=at_home):
                raise UserError(RpcUrlPrivate(settings.rpc_url.host))
            if is_private_address(settings.rpc_url.host, localhost=at_home):
                raise UserError(RpcUrlPrivate(settings.rpc_url.host, is_address=True))
            door = RpcDoor(RpcOptions(settings.rpc_url, password, settings.allow_remote), socks)
            host = settings.rpc_listen.host
            return cls(listener, socks, door, Endpoint(host, await door.start(host, settings.rpc_listen.port)))
        except BaseException:
            await listener.stop()
            raise

    async def close(self) -> None:
        """Close both, and whatever goes through them."""
        if self._rpc_door is not None:
            await self._rpc_door.stop()
        await self.listener.stop()

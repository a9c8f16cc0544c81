"""Why the proxy's own ports are not opened, where not the operating system but the settings are the cause."""

from dataclasses import dataclass
from enum import Enum

from nymconnect.reasons import Reason


class LocalPort(Enum):
    """One of the two that programs use; the value is its name in English."""

    SOCKS = "SOCKS"
    RPC = "RPC"


@dataclass(frozen=True, slots=True)
class NotAnAddress(Reason):
    """A name would have to be looked up, and then others decide where the port is."""

    port: LocalPort
    host: str

    def __str__(self) -> str:
        return f"the {self.port.value} address must be a literal IP address such as 127.0.0.1, not {self.host}"


@dataclass(frozen=True, slots=True)
class ReachableByOthers(Reason):
    """Other computers reach the address, and nothing says that they may."""

    port: LocalPort
    host: str

    def __str__(self) -> str:
        reachable = f"{self.host} is reachable from other machines; that takes the switch allow_remote and a password"
        if self.port is LocalPort.SOCKS:
            return f"{reachable}, or else the SOCKS port must be on 127.0.0.1 or ::1"
        return reachable


@dataclass(frozen=True, slots=True)
class RpcUrlMissing(Reason):
    """An RPC address without a server behind it."""

    def __str__(self) -> str:
        return "rpc_listen leads nowhere: set rpc_url, too"


@dataclass(frozen=True, slots=True)
class RpcUrlPrivate(Reason):
    """An RPC server that has its name, or with `is_address` its address, on the user's own network only."""

    host: str
    is_address: bool = False

    def __str__(self) -> str:
        if self.is_address:
            return f"rpc_url leads nowhere: {self.host} is not on the public Internet"
        return f"rpc_url leads nowhere: no requester can look up the name {self.host}"

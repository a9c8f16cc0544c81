"""Where programs find the proxy."""

from dataclasses import dataclass

from nymconnect.options import Endpoint
from tests.apps.leaks import LeakWatch
from tests.helpers.command import Command


@dataclass(frozen=True)
class Proxy:
    """Address and port on the inside, and what watches that machine; None where it cannot be watched."""

    endpoint: Endpoint
    watch: LeakWatch | None
    client: Command

    @property
    def host(self) -> str:
        return self.endpoint.host

    @property
    def port(self) -> str:
        return str(self.endpoint.port)

    def __str__(self) -> str:
        return str(self.endpoint)

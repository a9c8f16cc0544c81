"""What a session is doing, as one frozen snapshot: for tray, window, command line and log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nymconnect.client.parameters import TrafficParameters
from nymconnect.endpoints import Endpoint
from nymconnect.reasons import Reason
from nymconnect_proxy.ingress.requester_choice import RequesterState
from nymconnect_proxy.session.alarms import Alarm
from nymconnect_proxy.session.downlink_report import DownlinkReport
from nymconnect_proxy.session.reasons import Crash
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.networks import Network, stands_here
from nymconnect_proxy.socks.refusals import Obstacle


@dataclass(frozen=True, slots=True)
class Rates:
    """Packets a second that leave whatever happens, data or cover; None where a stream follows the data."""

    main: float | None
    loop: float | None

    @classmethod
    def of(cls, traffic: TrafficParameters) -> "Rates":
        main = 1 / traffic.message_sending_average_delay if traffic.paced else None
        return cls(main, 1 / traffic.loop_cover_average_delay if traffic.loop_cover else None)


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway by which one can enter, as the directory lists it.

    `identity` is base58, `host` the name that it announces, else an address. `country` (two letters) is empty where
    none is known, `performance` (0 to 1) is None where the directory measures none.
    """

    identity: str
    host: str
    country: str = ""
    performance: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """No secrets, no targets.

    `since` is when the state was entered (`runtime.clock`), `gateway` the base58 identity of the entry gateway,
    `reason` why this state, if there is something to say, `rpc` where wallets find the RPC server, if anywhere. Our own
    loops tell `loss` (share), `delay` (seconds beyond the drawn delays), whether somebody is `dropping` packets, and
    the addresses of the mixes that are `suspects`. `queue` counts packets that wait for a slot; bytes are those of the
    applications; `alarms` are what a person should know besides.
    `requesters` are those that are in use, of which `requester` is the address of the first, and those that are silent.
    `downlink`: whether what we receive is hidden from who watches our line, as what we send is, and why, or why not.
    `turned_away` counts requests of programs that no requester has tried, by what was in the way.
    `crash` is set where the session has failed by our own fault.
    """

    state: State
    since: float
    network: Network
    socks: Endpoint
    preset: str
    rates: Rates
    rpc: Endpoint | None = None
    gateway: str | None = None
    gateway_port: int | None = None
    requester: str | None = None
    reason: Reason | None = None
    crash: Crash | None = None
    loss: float | None = None
    delay: float | None = None
    dropping: bool = False
    suspects: tuple[str, ...] = ()
    queue: int = 0
    streams: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    downlink: DownlinkReport | None = None
    requesters: tuple[RequesterState, ...] = ()
    turned_away: Mapping[Obstacle, int] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def is_practice(self) -> bool:
        """Whether the network is on this computer, and so gives no anonymity."""
        return stands_here(self.network)

    @property
    def downlink_hidden(self) -> bool:
        """False where nothing is known."""
        return self.downlink is not None and self.downlink.hidden

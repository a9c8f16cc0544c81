"""What the parts of a session say of themselves, put into its status."""

import re
from dataclasses import replace

from nymconnect.client.client import MixnetClient
from nymconnect.client.counters import ClientCount
from nymconnect.directory.topology import Node
from nymconnect_proxy.ingress.listener import SocksListener
from nymconnect_proxy.ingress.requester_choice import Health
from nymconnect_proxy.session.alarms import EntryIsExit, PacketsDropped, RequesterSilent
from nymconnect_proxy.session.connector import Passage
from nymconnect_proxy.session.downlink import DownlinkKeeper
from nymconnect_proxy.session.rate_monitor import PaceWatch
from nymconnect_proxy.session.status import KnownGateway, Status

_HOST_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}", re.ASCII)


def overview(
    status: Status,
    passage: Passage | None,
    listener: SocksListener | None,
    client: MixnetClient | None,
    downlink: DownlinkKeeper | None,
    pace: PaceWatch | None,
) -> Status:
    """`status` with what the parts that there are have to say."""
    if passage is not None:
        status = replace(status, alarms=passage.alarms, gateway=passage.gateway, gateway_port=passage.gateway_port)
    if listener is not None:
        status = _with_listener(status, listener)
    status = replace(status, counters={"streams": status.streams})
    if client is None:
        return status
    if downlink is not None:
        status = replace(status, downlink=downlink.report())
    if pace is not None and (missed := pace.alarm) is not None:
        status = replace(status, alarms=(*status.alarms, missed))
    return _with_client(status, client)


def known_gateways(passage: Passage | None, client: MixnetClient | None) -> tuple[KnownGateway, ...]:
    """The gateways by which one can enter, of the newest description of the network; none before there is one.

    A directory of our own only knows whether a node lives; what it says of performance is left out.
    """
    topology = client.topology if client is not None else passage.topology if passage is not None else None
    if topology is None or passage is None:
        return ()
    return tuple(
        KnownGateway(
            node.name,
            _host_of(node),
            passage.countries.get(node.identity, ""),
            None if topology.is_ours else node.performance,
        )
        for node in topology.gateways.values()
        if node.entry is not None
    )


def _host_of(node: Node) -> str:
    """The name that it announces, if it is written like one: strangers may type anything. Else an address."""
    name = node.entry.hostname if node.entry is not None else None
    return name if name and _HOST_NAME.fullmatch(name) else node.ips[0]


def _with_listener(status: Status, listener: SocksListener) -> Status:
    seen = listener.snapshot()
    status = replace(
        status,
        streams=seen.streams,
        bytes_up=seen.bytes_up,
        bytes_down=seen.bytes_down,
        turned_away=seen.turned_away,
    )
    if not seen.requesters:
        return status
    silent = [RequesterSilent(known.name) for known in seen.requesters if known.health is Health.SILENT]
    both_ends = [
        EntryIsExit(known.name)
        for known in seen.requesters
        if known.health is not Health.SILENT and known.address.rpartition("@")[2] == status.gateway
    ]
    return replace(
        status,
        requesters=seen.requesters,
        requester=seen.requesters[0].address,
        alarms=(*status.alarms, *silent, *both_ends),
    )


def _with_client(status: Status, client: MixnetClient) -> Status:
    loops, counters = client.loop_statistics(), client.counters()
    suspects = tuple(sorted(map(str, loops.suspects)))
    return replace(
        status,
        loss=loops.loss,
        delay=loops.delay,
        dropping=loops.dropping,
        suspects=suspects,
        queue=counters[ClientCount.QUEUED],
        alarms=status.alarms + ((PacketsDropped(suspects),) if loops.dropping else ()),
        counters={**{str(name): count for name, count in counters.items()}, "streams": status.streams},
    )

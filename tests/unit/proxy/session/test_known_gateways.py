"""The gateways that a session tells of: what the directory says of each, and nothing that it does not say."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from nymconnect.directory.topology import EntryPoint, Feature, Node
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.status import KnownGateway
from nymconnect_proxy.session.status_builder import known_gateways
from nymconnect_proxy.settings.config import Settings
from tests.helpers.networks import known_network


def passage(*nodes: Node, countries: dict[bytes, str] | None = None) -> Any:
    topology = replace(known_network().topology, gateways={node.identity: node for node in nodes})
    return SimpleNamespace(topology=topology, countries=countries or {})


def gateway(number: int, hostname: str | None = None, **changes: Any) -> Node:
    (node,) = known_network(seed=number).topology.gateways.values()
    return replace(node, **({"entry": EntryPoint(hostname, 9000, None, ("10.0.0.7",)), "performance": 0.93} | changes))


def test_each_gateway_is_told_with_what_the_directory_knows_of_it() -> None:
    named, bare, no_entry = gateway(1, "gw.example.org"), gateway(2), gateway(3, entry=None)
    found = known_gateways(passage(named, bare, no_entry, countries={named.identity: "CH"}), None)
    assert found == (
        KnownGateway(named.name, "gw.example.org", "CH", 0.93),
        KnownGateway(bare.name, bare.ips[0], "", 0.93),
    )


@pytest.mark.parametrize("name", ["<b>free</b>", "a b", "\u202egro.elpmaxe", "a\nb", "", "x" * 254])
def test_a_name_that_is_none_is_not_shown(name: str) -> None:
    (found,) = known_gateways(passage(gateway(1, name, ips=("10.0.0.9",))), None)
    assert found.host == "10.0.0.9"


def test_a_directory_of_our_own_measures_no_performance() -> None:
    (found,) = known_gateways(passage(gateway(1, features=frozenset({Feature.DROP_COVER}))), None)
    assert found.performance is None


def test_the_newest_description_counts() -> None:
    old, new = gateway(1), gateway(2)
    client: Any = SimpleNamespace(topology=passage(new).topology)
    assert [one.identity for one in known_gateways(passage(old), client)] == [new.name]


def test_before_the_directory_has_been_read_there_is_none() -> None:
    assert known_gateways(None, None) == ()
    unread: Any = SimpleNamespace(topology=None, countries={})
    assert known_gateways(unread, None) == ()
    assert Session(Settings()).gateways == ()

"""By which gateway a session enters, where the user wants one of a country; and whether that can be kept."""

import random
from types import SimpleNamespace
from typing import Any

import pytest

from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.gateway.profile import Profile
from nymconnect.errors import UserError
from nymconnect.reasons import Words
from nymconnect_proxy.session.gateway_selection import GatewaySelection
from tests.helpers.networks import known_network


def test_of_a_country_only_its_gateways_are_chosen() -> None:
    topology = known_network(gateways=4).topology
    first, second, *_ = topology.gateways
    entry = GatewaySelection(None, None, random.Random(1))
    entry.stay_in("CH", frozenset({first, second}))
    assert {entry.choose(topology).gateway.identity for _ in range(40)} == {first, second}
    assert {entry.choose(topology, {first}).gateway.identity for _ in range(10)} == {second}
    assert entry.has_other(topology, {first})
    assert not entry.has_other(topology, {first, second})


def test_without_a_gateway_there_it_says_so_and_takes_no_other() -> None:
    topology = known_network(gateways=2).topology
    entry = GatewaySelection(None, None, random.Random(1))
    entry.stay_in("CH", frozenset({bytes(32)}))
    assert not entry.has_other(topology, ())
    with pytest.raises(UserError, match="lists no gateway in CH"):
        entry.choose(topology)


def test_a_named_gateway_is_taken_wherever_it_stands() -> None:
    topology = known_network(gateways=2).topology
    named, other = topology.gateways
    entry = GatewaySelection(None, named, random.Random(1))
    entry.stay_in("CH", frozenset({other}))
    assert entry.choose(topology).gateway.identity == named


def test_the_gateway_of_the_requester_in_use_is_avoided_while_there_is_another() -> None:
    topology = known_network(gateways=3).topology
    first, second, third = topology.gateways
    entry = GatewaySelection(None, None, random.Random(1))
    assert {entry.choose(topology, (), {first}).gateway.identity for _ in range(40)} == {second, third}
    assert {entry.choose(topology, {second}, {first}).gateway.identity for _ in range(10)} == {third}
    assert {entry.choose(topology, {second, third}, {first}).gateway.identity for _ in range(10)} == {first}
    assert {entry.choose(topology, (), {first, second, third}).gateway.identity for _ in range(40)} == {
        first,
        second,
        third,
    }
    assert GatewaySelection(None, first, random.Random(1)).choose(topology, (), {first}).gateway.identity == first


def test_a_gateway_of_before_is_left_when_the_requester_sits_behind_it() -> None:
    topology = known_network(gateways=2).topology
    first, second = topology.gateways
    entry = GatewaySelection(None, None, random.Random(1))
    entry._profile = Profile(ClientKeys.generate(), first)
    assert entry.choose(topology).gateway.identity == first
    assert entry.choose(topology, (), {second}).gateway.identity == first
    assert entry.choose(topology, (), {first}).gateway.identity == second


class FullDisk:
    """A profile store that fails so often."""

    notice = None

    def __init__(self, *failures: str) -> None:
        self._failures = list(failures)

    def save(self, *_: object) -> None:
        if self._failures:
            raise UserError(self._failures.pop(0))


async def test_that_nothing_can_be_saved_is_said_until_it_can() -> None:
    store: Any = FullDisk("the disk is full", "the disk is full", "the folder is gone")
    client: Any = SimpleNamespace(
        keys=ClientKeys.generate(), gateway=SimpleNamespace(identity=bytes(32)), issued_keys=lambda: ()
    )
    entry = GatewaySelection(store, None, random.Random(1))
    entry.notices.append(Words("something else"))
    said = []
    for _ in range(4):
        await entry.save(client)
        said.append(entry.notices[1:])
    assert said == [[Words("the disk is full")], [Words("the disk is full")], [Words("the folder is gone")], []]
    assert entry.notices == [Words("something else")]

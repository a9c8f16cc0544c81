"""Who a client is, and which gateway it enters by."""

import random
from dataclasses import replace

import pytest

from nymconnect.client.gateway.keys import ClientKeys, choose_gateway
from nymconnect.errors import UserError
from tests.helpers.networks import known_network


def test_the_gateway_that_was_asked_for_is_taken() -> None:
    topology = known_network(gateways=3).topology
    for node in topology.gateways.values():
        assert choose_gateway(topology, random.Random(1), node.identity) is node


def test_without_a_wish_every_gateway_comes_up() -> None:
    topology = known_network(gateways=3).topology
    rng = random.Random(1)
    assert {choose_gateway(topology, rng).identity for _ in range(50)} == set(topology.gateways)


def test_gateways_that_were_given_up_are_avoided() -> None:
    topology = known_network(gateways=3).topology
    *given_up, left = topology.gateways
    assert choose_gateway(topology, random.Random(1), avoid=given_up).identity == left
    with pytest.raises(UserError, match="lists no other gateway"):
        choose_gateway(topology, random.Random(1), avoid=[*given_up, left])


def test_a_gateway_that_is_not_listed_is_one_clear_line() -> None:
    topology = known_network().topology
    with pytest.raises(UserError, match="lists no such gateway"):
        choose_gateway(topology, random.Random(1), bytes(32))
    with pytest.raises(UserError, match="lists no usable gateway"):
        choose_gateway(replace(topology, gateways={}), random.Random(1))


def test_the_shared_key_is_not_shown() -> None:
    keys = ClientKeys.generate(random.Random(1))
    keys.shared_key = b"\xab" * 32
    assert "shared_key" not in repr(keys)
    assert repr(keys.shared_key) not in repr(keys)

"""Which requesters a session may use, how many at once, and that none sits behind the client's own gateway."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.directory.models import DescribedNode, decode_described_list
from nymconnect.errors import UserError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.ingress.requester_choice import MAX_IN_USE
from nymconnect_proxy.session.requester_selection import RequesterSelection
from nymconnect_proxy.settings.config import Settings
from tests.helpers.mixnet_pair import make_recipient
from tests.helpers.networks import known_network

TOPOLOGY = known_network(gateways=4).topology
GATEWAYS = list(TOPOLOGY.gateways)


def address(gateway: bytes) -> Recipient:
    return replace(make_recipient(random.Random(1)), gateway=gateway)


def described(*requesters: tuple[Recipient, str]) -> list[DescribedNode]:
    """Nodes that each run a requester in a country."""
    nodes = ",".join(
        f'{{"description": {{"auxiliary_details": {{"location": "{country}"}}, '
        f'"network_requester": {{"address": "{requester}"}}}}}}'
        for requester, country in requesters
    )
    text = f'{{"pagination": {{"total": 1, "page": 0, "size": 1}}, "data": [{nodes}]}}'
    return decode_described_list(text.encode()).data


def behind(gateway: bytes) -> Any:
    """A client that enters by `gateway`."""
    return SimpleNamespace(keys=ClientKeys.generate(), gateway=SimpleNamespace(identity=gateway))


def listed(settings: Settings) -> RequesterSelection:
    selection = RequesterSelection(settings)
    selection.take_named()
    selection.take_listed(
        described(
            *((address(gateway), country) for gateway, country in zip(GATEWAYS, ["DE", "CH", "CH", "FR"], strict=True))
        ),
        TOPOLOGY,
    )
    return selection


def test_the_directorys_requesters_are_those_of_the_country_and_of_known_gateways() -> None:
    everywhere = listed(Settings())
    assert [known.address.gateway for known in everywhere.known] == GATEWAYS
    swiss = listed(Settings(requester_country="CH"))
    assert [known.address.gateway for known in swiss.known] == GATEWAYS[1:3]
    with pytest.raises(UserError, match="no requester in IT"):
        listed(Settings(requester_country="IT"))
    with pytest.raises(UserError, match="no requester"):
        RequesterSelection(Settings()).take_listed(described((address(bytes(32)), "CH")), TOPOLOGY)


def test_one_that_the_user_has_named_is_kept_beside_that_of_the_practice_network() -> None:
    mine, theirs = address(GATEWAYS[0]), address(GATEWAYS[1])
    selection = RequesterSelection(Settings(requester="mine", address_book=(("mine", str(mine)),)))
    selection.take_named()
    selection.take_practice(str(theirs))
    assert [(known.name, known.address) for known in selection.known] == [("mine", mine)]
    selection = RequesterSelection(Settings())
    selection.take_named()
    assert selection.known == []
    selection.take_practice(str(theirs))
    assert [known.address for known in selection.known] == [theirs]


@pytest.mark.parametrize("paced", [False, True])
def test_no_requester_behind_the_own_gateway_is_used_where_there_are_others(paced: bool) -> None:
    selection = listed(Settings(requester_count=2))
    assert selection.exits(paced=paced) == frozenset()
    for gateway in GATEWAYS:
        used = selection.choice(behind(gateway), paced=paced).in_use
        assert len(used) == (1 if paced else 2)
        assert gateway not in {known.address.gateway for known in used}


def test_all_that_are_named_are_in_use_so_that_the_gateway_is_chosen_after_them() -> None:
    named = tuple((f"n{at}", str(address(gateway))) for at, gateway in enumerate(GATEWAYS[:MAX_IN_USE]))
    selection = RequesterSelection(Settings(requester=", ".join(name for name, _ in named), address_book=named))
    selection.take_named()
    assert selection.exits(paced=True) == frozenset(GATEWAYS[:MAX_IN_USE])
    assert len(selection.choice(behind(GATEWAYS[0]), paced=True).in_use) == len(named)

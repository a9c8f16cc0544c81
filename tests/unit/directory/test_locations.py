"""Where nodes stand, as they say themselves."""

from dataclasses import replace
from typing import Any

import pytest

from nymconnect.directory import documents
from nymconnect.directory.locations import country_of, nodes_in, requesters_of
from nymconnect.directory.models import DescribedNode, decode_described_list, encode
from nymconnect.packet.addressing import Recipient
from tests.helpers.directories import START, gateway_record, identity_of, small_state, sphinx_of


def address(node_id: int) -> str:
    return str(Recipient(identity_of(9).public, sphinx_of(9).public, identity_of(node_id).public))


def described(countries: dict[int, Any]) -> list[DescribedNode]:
    """What the directory serves, read as clients read it; each of these gateways runs a requester."""
    state = small_state()
    for node_id, country in countries.items():
        state.add(replace(gateway_record(node_id), country=country, requester=address(node_id)))
    return decode_described_list(encode(documents.described(state, START))).data


def test_countries_are_read_as_the_directory_serves_them() -> None:
    nodes = described({4: "CH", 5: "de"})
    assert nodes_in("CH", nodes) == {identity_of(4).public}
    assert nodes_in("DE", nodes) == {identity_of(5).public}
    assert nodes_in("FR", nodes) == frozenset()


@pytest.mark.parametrize("said", [None, "", "Switzerland", "C", "CHE", "C1", 41, ["CH"], {"code": "CH"}])
def test_what_is_no_code_is_no_country(said: Any) -> None:
    nodes = described({4: said})
    assert {country_of(node) for node in nodes} == {""}
    assert nodes_in("CH", nodes) == frozenset()


def test_requesters_are_those_of_the_country_or_all() -> None:
    nodes = described({4: "CH", 5: "DE", 7: None})
    assert [str(one) for one in requesters_of(nodes, "DE")] == [address(5)]
    assert [str(one) for one in requesters_of(nodes)] == [address(4), address(5), address(7)]
    assert requesters_of(nodes, "FR") == []


def test_a_node_that_says_less_is_no_error() -> None:
    (node,) = decode_described_list(
        b'{"pagination": {"total": 1, "page": 0, "size": 1}, "data": [{"description": '
        b'{"auxiliary_details": {"location": "CH"}, "network_requester": {"address": "nonsense"}}}]}'
    ).data
    assert country_of(node) == "CH"
    assert nodes_in("CH", [node]) == frozenset()
    assert requesters_of([node], "CH") == []

"""nym-exit-policy 1.21 and 2.0: policies as text, and what they decide."""

import ipaddress
from typing import Any

import pytest

from nymconnect.errors import UserError
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from tests.helpers.rust_vectors import cases

Vector = dict[str, Any]


@cases("exit-policy", "policies")
def test_a_policy_is_read_and_written_as_by_the_crate(vector: Vector) -> None:
    policy = AddressPolicy.parse(vector["text"])
    assert AddressPolicy.parse(vector["formatted"]) == policy
    assert str(policy).rstrip("\n") == vector["formatted"]
    assert policy.is_open == vector["open"]


@cases("exit-policy", "policies")
def test_a_policy_decides_as_in_the_crate(vector: Vector) -> None:
    policy = AddressPolicy.parse(vector["text"])
    for address, port, decision in vector["decisions"]:
        # Where no rule matches, the crate says nothing, and its requester refuses.
        assert policy.accepts(ipaddress.ip_address(address), port) == bool(decision), (address, port)


# Where ours differs: words may stand apart by any white space, but must stand apart; numbers have no sign.
WE_TAKE = {"ExitPolicy accept  *:80", "ExitPolicy accept\t*:80"}
WE_REFUSE = {"ExitPolicyaccept *:80", "ExitPolicy accept *:+80"}


@cases("exit-policy", "lines")
def test_a_line_is_a_rule_where_the_crate_says_so(vector: Vector) -> None:
    line, expected = vector["line"], vector["rule"]
    if line in WE_TAKE:
        expected = "ExitPolicy accept *:80"
    if line in WE_REFUSE:
        expected = None
    if expected is None:
        with pytest.raises(UserError):
            AddressPolicy.parse(line)
    else:
        assert str(AddressPolicy.parse(line)).rstrip("\n") == expected

"""Exit policies: text, JSON and decisions, against what the reference answers."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UserError
from nymconnect_proxy.exit.requester import default_policy
from nymconnect_proxy.protocol.exit_policy import MAX_RULES, Action, AddressPolicy, IpPattern, PolicyRule, PortRange
from tests.helpers.decoding import refuses_or_decodes
from tests.helpers.rust_vectors import load_file

RUST = load_file("rust-exit-policy.json")
# The reference takes words apart at any length of prefix and numbers with a sign; here a line is three words.
STRICTER = {"ExitPolicyaccept *:80", "ExitPolicy accept *:+80"}
LAXER = {"ExitPolicy accept  *:80", "ExitPolicy accept\t*:80"}


@pytest.mark.parametrize("vector", RUST["policies"], ids=lambda vector: vector["name"])
def test_policies_decide_as_the_reference_does(vector: dict[str, Any]) -> None:
    policy = AddressPolicy.parse(vector["text"])
    assert str(policy).strip() == vector["formatted"].strip()
    assert policy.is_open == vector["open"]
    for host, port, decision in vector["decisions"]:
        assert policy.accepts(ipaddress.ip_address(host), port) == bool(decision), (host, port)


@pytest.mark.parametrize("vector", RUST["lines"], ids=lambda vector: vector["line"])
def test_lines_are_read_as_the_reference_reads_them(vector: dict[str, Any]) -> None:
    line, rule = vector["line"], vector["rule"]
    if (rule is None or line in STRICTER) and line not in LAXER:
        with pytest.raises(UserError, match="line 1:"):
            AddressPolicy.parse(line)
    else:
        assert str(AddressPolicy.parse(line)) == f"{rule or 'ExitPolicy accept *:80'}\n"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("ExitPolicy accept *:80\n\n# fine\nExitPolicy accept *:x\n", 4),
        ("reject *:*", 1),
        ("ExitPolicy reject *:*\nExitPolicy reject *4/8:*", 2),
        ("ExitPolicy accept *:1\n" * (MAX_RULES + 1), MAX_RULES + 1),
        # Only a line feed ends a line.
        ("ExitPolicy reject *:*\rExitPolicy accept *:80", 1),
        ("ExitPolicy reject *:*\fExitPolicy accept *:80", 1),
        ("ExitPolicy reject *:*\u2028ExitPolicy accept *:80", 1),
    ],
)
def test_a_bad_line_is_named(text: str, number: int) -> None:
    with pytest.raises(UserError, match=rf"exit policy, line {number}: "):
        AddressPolicy.parse(text)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ExitPolicy", "expected 'ExitPolicy ACTION IP:PORTS'"),
        ("ExitPolicy accept", "expected"),
        ("ExitPolicy accept *:80 *:81", "expected"),
        ("exitpolicy accept *:80", "expected"),
        ("ExitPolicy allow *:80", "unknown action 'allow'"),
        ("ExitPolicy accept *", "no port in"),
        ("ExitPolicy accept 1.2.3:80", "not an IP pattern"),
        ("ExitPolicy accept 1.2.3.4/33:80", "not an IP pattern"),
        ("ExitPolicy accept [::1]/129:80", "not an IP pattern"),
        ("ExitPolicy accept example.org:80", "not an IP pattern"),
        ("ExitPolicy accept fe80::1%eth0:80", "not an IP pattern"),
        ("ExitPolicy accept *:65536", "bad port range"),
        ("ExitPolicy accept *:80-", "not a port"),
        ("ExitPolicy accept *:9-8", "bad port range"),
        ("ExitPolicy accept *:0-80", "bad port range"),
        ("ExitPolicy accept *:-1", "not a port"),
        ("ExitPolicy accept *:\u0664", "not a port"),
        ("ExitPolicy accept " + "9" * 100_000 + ":80", "not an IP pattern"),
    ],
)
def test_every_kind_of_mistake_is_told_with_its_line_and_not_at_length(line: str, complaint: str) -> None:
    with pytest.raises(UserError, match=r"^exit policy, line 3: ") as caught:
        AddressPolicy.parse(f"# a policy\nExitPolicy accept *:1\n{line}\nExitPolicy reject *:*\n")
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 200


def test_no_rule_means_no() -> None:
    assert not AddressPolicy().accepts(ipaddress.ip_address("1.2.3.4"), 80)


def test_comments_and_blank_lines_are_skipped() -> None:
    assert AddressPolicy.parse("# all\n\n  ExitPolicy accept *:* # yes\n") == AddressPolicy.open()


def test_a_comment_ends_with_its_line_only() -> None:
    policy = AddressPolicy.parse("# all\rExitPolicy accept *:*\x85ExitPolicy accept *:*\r\nExitPolicy reject *:*\r\n")
    assert str(policy) == "ExitPolicy reject *:*\n"


@settings(max_examples=60)
@given(st.text(alphabet="*0123456789./:[]-%abcdef", max_size=24))
def test_any_pattern_is_read_or_refused_as_a_wire_error(text: str) -> None:
    refuses_or_decodes(lambda data: PolicyRule.parse("accept", data.decode()), text.encode())


PATTERNS = st.one_of(
    st.sampled_from(["*", "*4", "*6"]),
    st.builds(lambda a, p: f"{a}/{p}", st.ip_addresses(v=4), st.integers(1, 32)),
    st.builds(
        lambda a, p: f"{a}/{p}", st.ip_addresses(v=6).filter(lambda a: a.ipv4_mapped is None), st.integers(1, 128)
    ),
)
RULES = st.builds(
    lambda action, ip, ports: PolicyRule(action, IpPattern.parse(ip), PortRange(min(ports), max(ports))),
    st.sampled_from(Action),
    PATTERNS,
    st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
)


@settings(max_examples=60)
@given(st.lists(RULES, max_size=5))
def test_what_is_written_is_read_again(rules: list[PolicyRule]) -> None:
    policy = AddressPolicy(tuple(rules))
    assert AddressPolicy.parse(str(policy)) == policy


@pytest.mark.parametrize(
    ("port", "accepted"), [(443, True), (80, True), (25, False), (18081, True), (50002, True), (26, False)]
)
def test_the_default_policy_is_a_list_of_ports(port: int, accepted: bool) -> None:
    policy = default_policy()
    assert policy.accepts(ipaddress.ip_address("1.2.3.4"), port) == accepted
    assert policy.rules[-1] == PolicyRule(Action.REJECT)
    assert not policy.is_open

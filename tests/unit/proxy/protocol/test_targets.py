"""Targets and the table of global addresses."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nymconnect.errors import WireError
from nymconnect_proxy.protocol.targets import Target, ipv6_groups, is_global, judged, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("nymtech.net:443", "nymtech.net", 443),
        ("1.2.3.4:1", "1.2.3.4", 1),
        ("2001:db8:0:0:0:0:0:1:65535", "2001:db8:0:0:0:0:0:1", 65535),
        ("[2001:db8::1]:80", "2001:db8::1", 80),
        ("bücher.example:80", "bücher.example", 80),
    ],
)
def test_a_target_is_split_at_its_last_colon(text: str, host: str, port: int) -> None:
    assert Target.parse(text) == Target(host, port)
    assert Target.parse(str(Target(host, port))) == Target(host, port)


@pytest.mark.parametrize(
    "text",
    ["", ":", "host", "host:", ":80", "host:0", "host:65536", "host:-1", "host:+80", "host:8 0", "ho st:80",
     "host\n:80", "host\0:80", "host:８０", "[]:80", "x" * 256 + ":80", "host:000080"],
)  # fmt: skip
def test_what_is_no_target_is_a_wire_error(text: str) -> None:
    with pytest.raises(WireError):
        Target.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_a_wire_error(text: str) -> None:
    try:
        target = Target.parse(text)
    except WireError:
        return
    assert 0 < target.port < 65536


def test_ipv6_groups_are_neither_abbreviated_nor_padded() -> None:
    assert ipv6_groups(ipaddress.ip_address("2001:db8::1").packed) == "2001:db8:0:0:0:0:0:1"


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.1.1",
     "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.8", "192.0.0.11", "192.0.2.1", "192.168.255.255",
     "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
     "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b:1::1",
     "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "100::1", "2001::1", "2001:1::3", "2001:2::1", "2001:10::1",
     "2001:1ff::1", "2001:db8::1", "2002::1", "100:0:0:1::1", "5f00::1", "5fff::1", "1fff::1", "3fff:fff::1", "4000::1",
     "9000::1", "2002:808:808::1", "3fff::1", "fc00::1", "fdff::1", "fe80::1",
     "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1"],
)  # fmt: skip
def test_addresses_off_the_public_internet_are_not_global(text: str) -> None:
    assert not is_global(parse_address(text))


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
     "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.0.9", "192.0.0.10", "192.0.1.0", "192.167.255.255",
     "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2001:1::1",
     "2001:1::2", "2001:3::1", "2001:4:112::1", "2001:20::1", "2001:3f::1", "2001:200::1", "64:ff9b::8.8.8.8",
     "2003::1", "::ffff:8.8.8.8", "::ffff:192.0.0.9"],
)  # fmt: skip
def test_neighbours_of_the_reserved_ranges_are_global(text: str) -> None:
    assert is_global(parse_address(text))


def test_a_mapped_address_is_the_ipv4_address_and_a_translated_one_is_both() -> None:
    inner, translated = ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("64:ff9b::8.8.8.8")
    assert parse_address("::FFFF:8.8.8.8") == inner
    assert judged(ipaddress.ip_address("::ffff:808:808")) == judged(inner) == (inner,)
    assert judged(translated) == (translated, inner)


def test_a_name_is_not_an_address() -> None:
    with pytest.raises(WireError):
        parse_address("localhost")

"""Names that stay on this computer, in every way in which they can be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nymconnect_proxy.protocol.private_names import is_private, is_private_address


@pytest.mark.parametrize(
    "host",
    [
        "router", "intranet", "ai", "2130706433", "0x7f000001", ".", "..",
        "localhost", "a.localhost", "printer.local", "local", "nas.internal", "db.corp.internal", "fritz.home.arpa",
        "nas.lan", "nas.home", "mail.corp", "site.i2p", "name.gns.alt",
        "expyuzz4wqqyqhjn.onion", "sub.expyuzz4wqqyqhjn.onion",
    ],
)  # fmt: skip
def test_names_of_other_networks_are_private(host: str) -> None:
    for written in (host, host + ".", host + "..", host.upper(), host.title()):
        assert is_private(written)


@pytest.mark.parametrize(
    "host",
    [
        "name\uff0eonion", "name\u3002onion", "name\uff61onion", "name\u2024onion", "name.onion\u3002",
        "name.\uff4f\uff4e\uff49\uff4f\uff4e", "name.\uff2f\uff2e\uff29\uff2f\uff2e", "name.on\u2170on",
        "name.oni\ufe00on", "name.\u24de\u24dd\u24d8\u24de\u24dd", "name.\U0001d428nion", "nas.\u2113an",
        "nas.\u2112ocal", "b\xfccher", "\U0001d4c1ocalhost",
    ],
)  # fmt: skip
def test_the_letters_and_dots_that_idna_takes_for_ascii_do_not_help(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize(
    "host",
    [
        "example.org", "example.org.", "onion.example", "local.example.org", "onion.ly", "myonion.org", "x.onions",
        "localhost.example.org", "notlocalhost.org", "fritz.box", "b\xfccher.example", "xn--bcher-kva.example",
        "target.example", "nowhere.invalid", "a.test", "1.2.3.4", "127.0.0.1", "::1", "[2001:db8::1]", "fe80::1%eth0",
        "2001:db8:0:0:0:0:0:1", "::ffff:10.0.0.1",
    ],
)  # fmt: skip
def test_other_names_and_all_addresses_are_not(host: str) -> None:
    assert not is_private(host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost"])
def test_a_practice_network_is_asked_for_this_computer_and_for_no_other_private_name(host: str) -> None:
    assert not is_private(host, localhost=True)
    assert is_private("router", localhost=True)
    assert is_private("localhost.local", localhost=True)


@given(st.text(min_size=1, max_size=30))
def test_any_text_is_one_or_the_other(host: str) -> None:
    assert is_private(host) in (True, False)
    assert is_private(host + ".onion")


@pytest.mark.parametrize(
    "host",
    [
        "192.168.1.1", "10.0.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "127.0.0.1", "::1", "[::1]", "fc00::1", "[fd12:3456::1]", "fe80::1%eth0", "::ffff:10.0.0.1", "::",
        "2001:db8:0:0:0:0:0:1", "64:ff9b::10.0.0.1",
    ],
)  # fmt: skip
def test_addresses_of_private_networks_are_known(host: str) -> None:
    assert is_private_address(host)


@pytest.mark.parametrize(
    "host", ["1.2.3.4", "2a00:1450::1", "[2a00:1450::1]", "example.org", "localhost", "10.example"]
)
def test_public_addresses_and_names_are_none_of_them(host: str) -> None:
    assert not is_private_address(host)


def test_a_practice_network_may_be_asked_for_loopback_only() -> None:
    for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"):
        assert not is_private_address(host, localhost=True)
    for host in ("192.168.1.1", "10.0.0.1", "0.0.0.0", "::", "fc00::1"):
        assert is_private_address(host, localhost=True)

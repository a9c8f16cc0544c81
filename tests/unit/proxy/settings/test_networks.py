"""Which mixnet: its text is read back as the same value, and what is on this computer is known as that."""

import pytest

from nymconnect_proxy.settings.config import OPTIONS
from nymconnect_proxy.settings.networks import MAINNET, PRACTICE, Network, OwnNetwork, stands_here

(OPTION,) = (option for option in OPTIONS if option.name == "network")


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (PRACTICE, "embedded"),
        (MAINNET, "mainnet"),
        (OwnNetwork("https://example.org/api"), "https://example.org/api"),
        (OwnNetwork("https://example.org", "ab" * 32), "https://example.org#" + "ab" * 32),
    ],
)
def test_a_network_is_read_back_from_its_text(network: Network, text: str) -> None:
    assert (str(network), OPTION.format(network)) == (text, text)
    assert OPTION.parse(text) == network


@pytest.mark.parametrize(
    ("network", "here"),
    [
        (PRACTICE, True),
        (MAINNET, False),
        (OwnNetwork("http://127.0.0.1:8000/api"), True),
        (OwnNetwork("https://localhost", "ab" * 32), True),
        (OwnNetwork("https://example.org"), False),
        (OwnNetwork("http://[::1"), False),
    ],
)
def test_a_network_on_this_computer_is_known(network: Network, here: bool) -> None:
    assert stands_here(network) is here

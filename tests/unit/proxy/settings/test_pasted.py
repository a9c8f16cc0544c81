"""What a person pastes, and what the answer to a mistake says."""

import pytest

from nymconnect.base58 import b58encode
from nymconnect.errors import UserError
from nymconnect_proxy.settings.pasted import Fault, NotPastedWhole, Pasted, identity_key, nym_address
from nymconnect_proxy.settings.reasons import OptionWrong
from nymconnect_proxy.settings.settings import OPTIONS
from tests.helpers.typed import IDENTITY, KEY, RECIPIENT

FOREIGN = ("base58", "byte", "curve", "Recipient", "decode")


def test_what_is_whole_is_taken() -> None:
    assert str(nym_address(RECIPIENT)) == RECIPIENT
    assert identity_key(KEY) == IDENTITY


@pytest.mark.parametrize(
    ("text", "fault", "detail"),
    [
        ("", Fault.EMPTY, ""),
        ("nonsense", Fault.SHAPE, ""),
        ("name@example.org", Fault.SHAPE, ""),
        (KEY, Fault.ONE_PART, ""),
        (RECIPIENT[:-20], Fault.LENGTH, "its part gateway"),
        (RECIPIENT[20:], Fault.LENGTH, "its part identity"),
        (RECIPIENT.replace(".", ".0", 1), Fault.CHARACTER, "0"),
        (RECIPIENT.replace("@", "@\u200b"), Fault.CHARACTER, "\u200b"),
        (RECIPIENT.partition("@")[0] + "@" + b58encode(b"\2" + bytes(31)), Fault.NO_KEY, ""),
        ("1" * 100_000 + "." + KEY + "@" + KEY, Fault.LENGTH, "its part identity"),
    ],
)
def test_a_wrong_address_says_what_is_wrong_and_what_to_paste(text: str, fault: Fault, detail: str) -> None:
    with pytest.raises(UserError) as refused:
        nym_address(text)
    start = f"{text[:16]}…" if len(text) > 16 else text
    assert refused.value.reason == NotPastedWhole(Pasted.NYM_ADDRESS, fault, start, detail)
    assert "paste the whole of it in one piece" in str(refused.value)
    assert not [word for word in FOREIGN if word in str(refused.value)]


@pytest.mark.parametrize(
    ("text", "fault", "detail"),
    [
        ("", Fault.EMPTY, ""),
        (RECIPIENT, Fault.WHOLE_ADDRESS, ""),
        (KEY[:-3], Fault.LENGTH, ""),
        (KEY + KEY, Fault.LENGTH, ""),
        ("l" + KEY[1:], Fault.CHARACTER, "l"),
    ],
)
def test_a_wrong_key_says_what_is_wrong_and_what_to_paste(text: str, fault: Fault, detail: str) -> None:
    with pytest.raises(UserError) as refused:
        identity_key(text)
    start = f"{text[:16]}…" if len(text) > 16 else text
    assert refused.value.reason == NotPastedWhole(Pasted.IDENTITY_KEY, fault, start, detail)
    assert "the part of a Nym address behind the @" in str(refused.value)
    assert not [word for word in FOREIGN if word in str(refused.value)]


@pytest.mark.parametrize("name", ["gateway", "requester"])
def test_an_option_carries_the_reason_as_a_value(name: str) -> None:
    (option,) = (option for option in OPTIONS if option.name == name)
    with pytest.raises(UserError) as refused:
        option.parse("0 is none")
    reason = refused.value.reason
    assert isinstance(reason, OptionWrong)
    assert reason.name == name
    assert isinstance(reason.reason, NotPastedWhole)


@pytest.mark.parametrize("name", ["upstream", "rpc_url", "password"])
def test_what_may_hold_a_secret_is_not_repeated_whatever_its_type(name: str) -> None:
    (option,) = (option for option in OPTIONS if option.name == name)
    with pytest.raises(UserError) as refused:
        option.parse(["socks5://me:hunter2@proxy.example:1"])
    assert "hunter2" not in str(refused.value)

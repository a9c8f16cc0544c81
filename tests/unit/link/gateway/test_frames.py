"""Binary messages between client and gateway."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect import crypto
from nymconnect.errors import WireError
from nymconnect.link.gateway import frames
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.framing import MixPacket
from nymconnect.packet.params import KeyRotation, PacketSize
from tests.helpers.decoding import check_decoder, refuses_or_decodes
from tests.helpers.gateway_pair import mix_packet
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import load_file

VECTOR = load_file("link-prototype.json")["gateway"]
KEY = bytes.fromhex(VECTOR["shared_key"])
RNG = random.Random(5)


def sealed(kind: int, plaintext: bytes, flag: int = 1) -> bytes:
    nonce = bytes(12)
    return bytes([kind, flag]) + nonce + crypto.gcm_siv_seal(KEY, nonce, plaintext)


def test_pushed_frame_matches_the_vector() -> None:
    rng = ScriptedRng({12: bytes.fromhex(VECTOR["seeds"]["push_nonce"])})
    content = bytes.fromhex(VECTOR["push"]["content"])
    frame = frames.seal_pushed(content, KEY, rng)
    assert frame.hex() == VECTOR["push"]["frame"]
    check_decoder(lambda data: frames.open_pushed(data, KEY), frame, content)


def test_forward_v2_plaintext_starts_as_in_the_vector() -> None:
    vector = VECTOR["forward_v2_prefix"]
    packet = MixPacket(NodeAddress.parse(vector["next_hop"]), bytes(2413), KeyRotation(vector["rotation"]))
    frame = frames.seal_forward(packet, 6, KEY, RNG)
    assert frame[:2] == b"\x02\x01"
    plaintext = crypto.gcm_siv_open(KEY, frame[2:14], frame[14:])
    assert plaintext.hex().startswith(vector["bytes"])
    assert frames.open_forward(frame, KEY) == packet


@pytest.mark.parametrize(
    ("version", "kind", "rotation"), [(4, 1, KeyRotation.UNKNOWN), (5, 2, KeyRotation.ODD), (6, 2, KeyRotation.ODD)]
)
def test_the_version_decides_whether_the_rotation_is_named(version: int, kind: int, rotation: KeyRotation) -> None:
    frame = frames.seal_forward(mix_packet(rotation=KeyRotation.ODD), version, KEY, RNG)
    assert frame[0] == kind
    assert frames.open_forward(frame, KEY) == mix_packet(rotation=rotation)


@pytest.mark.parametrize("size", list(PacketSize))
@pytest.mark.parametrize("host", ["10.0.0.1", "2001:db8::1"])
def test_every_packet_size_fits(size: PacketSize, host: str) -> None:
    packet = MixPacket(NodeAddress(host, 1), bytes(size.packet), KeyRotation.EVEN)
    frame = frames.seal_forward(packet, 6, KEY, RNG)
    assert len(frame) <= frames.MAX_FRAME_LENGTH
    assert frames.open_forward(frame, KEY) == packet


@pytest.mark.parametrize("length", [0, 1, 21, 1643, 32363])
def test_pushed_content_keeps_its_exact_length(length: int) -> None:
    content = bytes(length)
    assert frames.open_pushed(frames.seal_pushed(content, KEY, RNG), KEY) == content


def test_every_frame_has_a_fresh_nonce() -> None:
    first, second = (frames.seal_pushed(b"same", KEY, RNG) for _ in range(2))
    assert first[2:14] != second[2:14]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(sealed(0, mix_packet().encode_v1()), id="kind 0"),
        pytest.param(sealed(3, mix_packet().encode_v2()), id="kind 3"),
        pytest.param(sealed(1, mix_packet().encode_v1(), flag=2), id="flag 2"),
        pytest.param(b"\x01\x00" + bytes(12) + mix_packet().encode_v1(), id="unsealed"),
        pytest.param(sealed(1, b""), id="empty"),
        pytest.param(sealed(2, b"\x00\x02"), id="too short"),
        pytest.param(sealed(2, b"\x02" + mix_packet().encode_v2()[1:]), id="outfox"),
        pytest.param(sealed(2, b"\x00\x03" + mix_packet().encode_v2()[2:]), id="rotation 3"),
        pytest.param(sealed(1, mix_packet().encode_v1() + b"\x00"), id="packet size"),
        pytest.param(sealed(1, b"\x00\x05" + mix_packet().encode_v1()[2:]), id="address"),
        pytest.param(bytes([1, 1]) + bytes(frames.MAX_FRAME_LENGTH), id="too long"),
    ],
)
def test_bad_requests_are_refused(frame: bytes) -> None:
    with pytest.raises(WireError):
        frames.open_forward(frame, KEY)


def test_pushed_frame_of_another_kind_is_refused() -> None:
    with pytest.raises(WireError):
        frames.open_pushed(sealed(2, b"x"), KEY)


def test_another_key_does_not_open() -> None:
    with pytest.raises(WireError):
        frames.open_pushed(frames.seal_pushed(b"x", KEY, RNG), bytes(32))


@settings(max_examples=60)
@given(data=st.binary(max_size=100))
def test_random_bytes_are_refused(data: bytes) -> None:
    for frame in (data, sealed(1, data), sealed(2, data)):
        assert not refuses_or_decodes(lambda frame: frames.open_forward(frame, KEY), frame)

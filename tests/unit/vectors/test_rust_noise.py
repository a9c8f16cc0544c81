"""nym-noise 1.21 and 2.0 and the snow library under it: handshakes, played back from both sides byte for byte."""

from typing import Any

from nymconnect.crypto import X25519Secret
from nymconnect.link.noise import NoiseInitiator, NoiseResponder, encode_frame
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import each_line, load, pattern, unhex

Vector = dict[str, Any]
HANDSHAKE, DATA = 0, 1


def initiator(vector: Vector) -> NoiseInitiator:
    responder = X25519Secret(unhex(vector["responder_static"]))
    rng = ScriptedRng({32: unhex(vector["initiator_ephemeral"])})
    return NoiseInitiator(X25519Secret(unhex(vector["initiator_static"])), responder.public, rng)


def responder(vector: Vector) -> NoiseResponder:
    rng = ScriptedRng({32: unhex(vector["responder_ephemeral"])})
    return NoiseResponder(X25519Secret(unhex(vector["responder_static"])), rng)


@each_line
def test_with_fixed_ephemerals_every_message_is_snows(line: str) -> None:
    vector = load("noise", line)["fixed_ephemerals"]
    first, second, third = (encode_frame(HANDSHAKE, unhex(message)) for message in vector["messages"])
    ours, theirs = initiator(vector), responder(vector)
    assert ours.start() == first
    assert theirs.feed(first) == (b"", second)
    assert ours.feed(second) == (b"", third)
    assert theirs.feed(third) == (b"", b"")
    assert theirs.remote_public == X25519Secret(unhex(vector["initiator_static"])).public
    for data in vector["initiator_data"]:
        if plain := unhex(data["plain"]):  # our rule: no empty data frames
            frame = encode_frame(DATA, unhex(data["sealed"]))
            assert ours.seal(plain) == frame
            assert theirs.feed(frame) == (plain, b"")
    for data in vector["responder_data"]:
        frame = encode_frame(DATA, unhex(data["sealed"]))
        assert theirs.seal(unhex(data["plain"])) == frame
        assert ours.feed(frame) == (unhex(data["plain"]), b"")


@each_line
def test_our_responder_answers_nym_noise(line: str) -> None:
    vector = load("noise", line)["rust_initiator"]
    first, second, third = (unhex(frame) for frame in vector["frames"])
    ours = responder(vector)
    assert ours.feed(first) == (b"", second)
    assert ours.feed(third + unhex(vector["data"])) == (unhex(vector["plain"]), b"")
    assert ours.established


@each_line
def test_our_initiator_is_answered_by_nym_noise(line: str) -> None:
    vector = load("noise", line)["rust_responder"]
    first, second, third = (unhex(frame) for frame in vector["frames"])
    ours = initiator(vector)
    assert ours.start() == first
    assert ours.feed(second) == (b"", third)
    assert ours.seal(unhex(vector["plain"])) == unhex(vector["data"])
    assert ours.feed(unhex(vector["answer"])) == (unhex(vector["answer_plain"]), b"")


@each_line
def test_long_data_is_cut_into_nym_noises_frames(line: str) -> None:
    """The sender's keys of that connection cannot be had, but its frame headers show where it cuts."""
    vector = load("noise", line)["rust_initiator"]
    fixed = load("noise", line)["fixed_ephemerals"]
    ours, theirs = initiator(fixed), responder(fixed)
    _, second = theirs.feed(ours.start())
    theirs.feed(ours.feed(second)[1])
    sealed = ours.seal(pattern(vector["long_length"]))
    headers, start = [], 0
    while start < len(sealed):
        headers.append(sealed[start : start + 8].hex())
        start += 8 + int.from_bytes(sealed[start + 3 : start + 5], "big")
    assert headers == vector["long_headers"]
    plain, _ = theirs.feed(sealed)
    assert plain == pattern(vector["long_length"])

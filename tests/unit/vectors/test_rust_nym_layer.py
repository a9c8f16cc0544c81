"""nym-crypto, nym-sphinx-addressing, -acknowledgements, -anonymous-replies, -params 1.21 and 2.0: keys, acks."""

from typing import Any

import pytest

from nymconnect import crypto
from nymconnect.base58 import b58decode, b58encode
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.errors import WireError
from nymconnect.packet.acks import FragmentId, open_ack, seal_ack
from nymconnect.packet.addressing import NodeAddress, Recipient
from nymconnect.packet.envelope import CONTENT_KEY_LENGTH
from nymconnect.packet.params import KeyRotation, PacketSize, PacketType
from nymconnect.packet.replies import reply_digest
from tests.helpers.routes import ScriptedRng
from tests.helpers.rust_vectors import cases, each_line, load, unhex

Vector = dict[str, Any]


@cases("nym-layer", "hkdf_blake3")
def test_hkdf_over_blake3_agrees(vector: Vector) -> None:
    expected = unhex(vector["output"])
    salt, info = unhex(vector["salt"] or ""), unhex(vector["info"] or "")
    assert crypto.hkdf_blake3(unhex(vector["ikm"]), len(expected), salt, info) == expected


@cases("nym-layer", "shared_keys")
def test_both_sides_derive_the_crates_content_key(vector: Vector) -> None:
    ephemeral = X25519Secret(unhex(vector["ephemeral_secret"]))
    recipient = X25519Secret(unhex(vector["recipient_secret"]))
    assert ephemeral.public.hex() == vector["ephemeral_public"]
    assert recipient.public.hex() == vector["recipient_public"]
    agreed = {ephemeral.exchange(recipient.public), recipient.exchange(ephemeral.public)}
    assert agreed == {unhex(vector["dh"])}
    assert crypto.hkdf_blake3(agreed.pop(), CONTENT_KEY_LENGTH).hex() == vector["key"]


@cases("nym-layer", "reply_key_digests")
def test_a_reply_key_has_the_crates_digest(vector: Vector) -> None:
    assert reply_digest(unhex(vector["key"])).hex() == vector["digest"]


@cases("nym-layer", "acks")
def test_an_ack_seals_and_opens_as_the_crates(vector: Vector) -> None:
    key, sealed, identifier = unhex(vector["key"]), unhex(vector["sealed"]), unhex(vector["id"])
    if identifier[0] & 0x80:  # the crate's cipher takes any five bytes; no fragment has a negative set id
        with pytest.raises(WireError):
            open_ack(key, sealed)
        return
    fid = FragmentId.decode(identifier)
    assert open_ack(key, sealed) == fid
    assert seal_ack(key, fid, ScriptedRng({16: unhex(vector["iv"])})) == sealed


@cases("nym-layer", "short_acks")
def test_a_short_ack_is_refused_on_both_sides(vector: Vector) -> None:
    assert not vector["recovered"]
    with pytest.raises(WireError):
        open_ack(bytes(16), bytes(vector["length"]))


@cases("nym-layer", "node_addresses")
def test_a_node_address_has_the_crates_bytes(vector: Vector) -> None:
    address = NodeAddress.parse(vector["text"])
    assert NodeAddress.parse(str(address)) == address
    assert address.encode().hex() == vector["bytes"]
    assert address.encode_padded(19).hex() == vector["padded_19"]
    assert address.encode_padded().hex() == vector["padded_32"]
    assert NodeAddress.decode(unhex(vector["padded_32"])) == address


@cases("nym-layer", "bad_node_addresses")
def test_bytes_are_a_node_address_where_the_crate_says_so(vector: Vector) -> None:
    data = unhex(vector["bytes"])
    if vector["text"] is None:
        with pytest.raises(WireError):
            NodeAddress.decode(data)
    else:
        assert str(NodeAddress.decode(data)) == vector["text"]


@cases("nym-layer", "recipients")
def test_a_recipient_has_the_crates_bytes_and_text(vector: Vector) -> None:
    identity, gateway = (Ed25519Secret(unhex(vector[name])).public for name in ("identity_seed", "gateway_seed"))
    recipient = Recipient(identity, X25519Secret(unhex(vector["encryption_secret"])).public, gateway)
    assert recipient.encode().hex() == vector["bytes"]
    assert str(recipient) == vector["text"]
    assert identity.hex() == vector["sphinx_destination"]
    assert Recipient.parse(vector["text"]) == Recipient.decode(unhex(vector["bytes"])) == recipient


@cases("nym-layer", "bad_recipients")
def test_a_text_is_a_recipient_where_the_crate_says_so(vector: Vector) -> None:
    if vector["bytes"] is None:
        with pytest.raises(WireError):
            Recipient.parse(vector["text"])
    else:
        assert Recipient.parse(vector["text"]).encode().hex() == vector["bytes"]


@cases("nym-layer", "sender_tags")
def test_a_sender_tag_is_written_as_the_crate_writes_it(vector: Vector) -> None:
    assert b58encode(unhex(vector["bytes"])) == vector["text"]
    assert b58decode(vector["text"], 16).hex() == vector["bytes"]


@each_line
def test_the_packet_sizes_are_the_crates(line: str) -> None:
    theirs = {v["tag"]: v for v in load("nym-layer", line)["packet_sizes"] if not v["name"].startswith("outfox")}
    ours = {
        size.tag: {
            "tag": size.tag,
            "name": size.name.lower(),
            "packet": size.packet,
            "payload": size.payload,
            "plaintext": size.plaintext,
        }
        for size in PacketSize
    }
    assert ours == theirs


@cases("nym-layer", "packet_lengths")
def test_a_length_belongs_to_the_crates_size(vector: Vector) -> None:
    name = vector["size"]
    if name is None or name.startswith("outfox"):  # our rule: Outfox is refused
        with pytest.raises(WireError):
            PacketSize.from_packet_length(vector["length"])
    else:
        assert PacketSize.from_packet_length(vector["length"]).name.lower() == name


@cases("nym-layer", "packet_types")
def test_the_only_packet_type_taken_is_mix(vector: Vector) -> None:
    assert vector["known"] == (vector["byte"] in (PacketType.MIX, PacketType.OUTFOX))
    if vector["byte"] == PacketType.MIX:
        assert PacketType.decode(0) is PacketType.MIX
    else:
        with pytest.raises(WireError):
            PacketType.decode(vector["byte"])


@cases("nym-layer", "rotations")
def test_a_rotation_id_has_the_crates_label(vector: Vector) -> None:
    assert KeyRotation.from_id(vector["id"]) == vector["byte"]


@cases("nym-layer", "rotation_bytes")
def test_a_rotation_byte_is_known_where_the_crate_knows_it(vector: Vector) -> None:
    if vector["known"]:
        assert KeyRotation.decode(vector["byte"]) == vector["byte"]
    else:
        with pytest.raises(WireError):
            KeyRotation.decode(vector["byte"])

"""The primitives against the published answers of their standards, and the door's own contracts."""

import random
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect import crypto
from nymconnect.errors import UsageError, WireError
from tests.helpers.rust_vectors import load_file

LIONESS = load_file("sphinx-upstream.json")["lioness"]

# The low-order points of Curve25519 and its twist, canonical and not (cr.yp.to/ecdh.html#validate).
LOW_ORDER_POINTS = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def h(text: str) -> bytes:
    return bytes.fromhex(text)


# --- X25519 -----------------------------------------------------------------------------------------------------

# RFC 7748, section 5.2: scalar, u-coordinate, output. The second has the top bit of u set, which must be ignored.
RFC_7748 = [
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
]


@pytest.mark.parametrize(("scalar", "point", "product"), RFC_7748)
def test_both_x25519_libraries_give_the_rfc_7748_answers(scalar: str, point: str, product: str) -> None:
    assert crypto.x25519_exchange(h(scalar), h(point)) == h(product)
    assert crypto.X25519Secret(h(scalar)).exchange(h(point)) == h(product)


def test_x25519_agrees_on_the_keys_of_rfc_7748() -> None:
    # RFC 7748, section 6.1: Bob's side.
    bob = crypto.X25519Secret(h("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    alice_public = h("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    assert bob.public == h("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    assert crypto.x25519_public(bob.to_bytes()) == bob.public
    assert bob.exchange(alice_public) == h("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")


def test_an_x25519_secret_keeps_its_bytes_unclamped() -> None:
    raw = b"\xff" * 32
    assert crypto.X25519Secret(raw).to_bytes() == raw


@pytest.mark.parametrize("point", LOW_ORDER_POINTS)
def test_a_low_order_point_is_the_peers_fault(point: str) -> None:
    secret = random.Random(1).randbytes(32)
    with pytest.raises(WireError):
        crypto.x25519_exchange(secret, h(point))
    with pytest.raises(WireError):
        crypto.X25519Secret(secret).exchange(h(point))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_x25519_key_of_another_length_is_refused(length: int) -> None:
    secret = random.Random(1).randbytes(32)
    with pytest.raises(WireError):
        crypto.x25519_exchange(secret, b"\x09" * length)
    with pytest.raises(WireError):
        crypto.X25519Secret(secret).exchange(b"\x09" * length)
    with pytest.raises(UsageError):
        crypto.x25519_exchange(b"\x09" * length, secret)
    with pytest.raises(UsageError):
        crypto.x25519_public(b"\x09" * length)
    with pytest.raises(UsageError):
        crypto.X25519Secret(b"\x09" * length)


@pytest.mark.parametrize("kind", [crypto.X25519Secret, crypto.Ed25519Secret])
def test_a_secret_does_not_show_itself(kind: type[crypto.X25519Secret] | type[crypto.Ed25519Secret]) -> None:
    secret = kind.generate(random.Random(2))
    shown = repr(secret) + str(secret)
    assert secret.to_bytes().hex() not in shown
    assert repr(secret.to_bytes()) not in shown


# --- Ed25519 ----------------------------------------------------------------------------------------------------

# RFC 8032, section 7.1, test 2.
ED_SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
ED_PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
ED_SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_ed25519_signs_as_rfc_8032() -> None:
    secret = crypto.Ed25519Secret(h(ED_SEED))
    assert secret.public == h(ED_PUBLIC)
    assert secret.sign(b"\x72") == h(ED_SIGNATURE)
    crypto.ed25519_verify(h(ED_PUBLIC), h(ED_SIGNATURE), b"\x72")


@pytest.mark.parametrize(
    ("public", "signature", "message"),
    [
        (ED_PUBLIC, ED_SIGNATURE, b"\x73"),
        (ED_PUBLIC, ED_SIGNATURE[:-2] + "01", b"\x72"),
        (ED_PUBLIC, ED_SIGNATURE[:-2], b"\x72"),
        (ED_PUBLIC, "", b"\x72"),
        (ED_PUBLIC[:-2], ED_SIGNATURE, b"\x72"),
        ("", ED_SIGNATURE, b"\x72"),
    ],
)
def test_a_bad_signature_is_the_peers_fault(public: str, signature: str, message: bytes) -> None:
    with pytest.raises(WireError):
        crypto.ed25519_verify(h(public), h(signature), message)


def test_curve_points_are_told_from_other_bytes() -> None:
    rng = random.Random(3)
    assert all(crypto.is_ed25519_point(crypto.Ed25519Secret.generate(rng).public) for _ in range(8))
    # Half of all y-coordinates belong to no point: of 64, not one in 2^60 draws has none or all.
    drawn = [crypto.is_ed25519_point(rng.randbytes(32)) for _ in range(64)]
    assert True in drawn
    assert False in drawn
    assert crypto.is_ed25519_point(b"\x01" + bytes(31))  # the neutral element decompresses
    assert not crypto.is_ed25519_point(b"\x02" + bytes(31))
    assert not crypto.is_ed25519_point(bytes(31))


# --- symmetric --------------------------------------------------------------------------------------------------


def test_aes_ctr_gives_the_answer_of_sp_800_38a() -> None:
    # NIST SP 800-38A, F.5.1.
    key = h("2b7e151628aed2a6abf7158809cf4f3c")
    iv = h("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    plain = h("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    sealed = h("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff")
    assert crypto.aes_ctr(key, plain, iv) == sealed
    assert crypto.aes_ctr(key, sealed, iv) == plain


def test_aes_ctr_starts_from_a_zero_counter_by_default() -> None:
    key = bytes(range(16))
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(bytes(16) + bytes(15) + b"\x01")
    assert crypto.aes_ctr(key, bytes(32)) == block
    assert crypto.aes_ctr(key, bytes(32), bytes(16)) == block


def test_gcm_siv_gives_the_answers_of_rfc_8452() -> None:
    # RFC 8452, appendix C.2.
    key, nonce = b"\x01" + bytes(31), b"\x03" + bytes(11)
    assert crypto.gcm_siv_seal(key, nonce, h("0100000000000000")) == h(
        "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"
    )
    assert crypto.gcm_siv_open(key, nonce, h("c2ef328e5c71c83b843122130f7364b761e0b97427e3df28")) == h(
        "0100000000000000"
    )


def test_aes_gcm_gives_the_answer_of_its_specification() -> None:
    # McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14.
    cipher = crypto.AesGcm(bytes(32))
    sealed = h("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
    assert cipher.seal(bytes(12), bytes(16)) == sealed
    assert cipher.open(bytes(12), sealed) == bytes(16)
    assert repr(cipher) == "AesGcm(…)"


def _open_siv(nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    return crypto.gcm_siv_open(bytes(32), nonce, sealed)


def _open_gcm(nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    return crypto.AesGcm(bytes(32)).open(nonce, sealed, associated)


@pytest.mark.parametrize("opener", [_open_siv, _open_gcm])
@pytest.mark.parametrize("length", [0, 1, 15, 16, 40])
def test_noise_does_not_open_as_a_sealed_message(opener: Callable[[bytes, bytes, bytes], bytes], length: int) -> None:
    with pytest.raises(WireError):
        opener(bytes(12), random.Random(length).randbytes(length), b"")


def test_sealed_messages_open_only_unchanged() -> None:
    cipher = crypto.AesGcm(bytes(32))
    sealed = cipher.seal(bytes(12), b"hello", b"header")
    assert cipher.open(bytes(12), sealed, b"header") == b"hello"
    for nonce, data, associated in [
        (b"\x01" + bytes(11), sealed, b"header"),
        (bytes(12), sealed[:-1] + bytes([sealed[-1] ^ 1]), b"header"),
        (bytes(12), sealed, b"Header"),
    ]:
        with pytest.raises(WireError):
            cipher.open(nonce, data, associated)
    siv = crypto.gcm_siv_seal(bytes(32), bytes(12), b"hello")
    with pytest.raises(WireError):
        crypto.gcm_siv_open(bytes(32), bytes(12), bytes([siv[0] ^ 1]) + siv[1:])


# --- hashes and key derivation ----------------------------------------------------------------------------------


def test_hashes_give_their_published_answers() -> None:
    assert crypto.sha256(b"abc") == h("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert crypto.blake3_digest(b"") == h("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")


def test_hmac_gives_the_answer_of_rfc_4231() -> None:
    # RFC 4231, test case 2.
    mac = h("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    assert crypto.hmac_sha256(b"Jefe", b"what do ya want for nothing?") == mac
    assert crypto.hmac_sha256_16(b"Jefe", b"what do ya want for nothing?") == mac[:16]


def test_the_short_mac_is_a_prefix_of_the_long_one_up_to_a_block_of_key() -> None:
    for length in (0, 1, 16, 63, 64):
        assert crypto.hmac_sha256_16(b"k" * length, b"data") == crypto.hmac_sha256(b"k" * length, b"data")[:16]
    with pytest.raises(UsageError):
        crypto.hmac_sha256_16(b"k" * 65, b"data")


@pytest.mark.parametrize("salt", [b"", b"salt", b"s" * 64])
def test_a_prepared_hkdf_gives_what_the_plain_one_gives_every_time(salt: bytes) -> None:
    prepared = crypto.HkdfSha256(salt, b"info", 288)
    for ikm in (b"", b"ikm", bytes(100)):
        assert prepared.derive(ikm) == crypto.hkdf_sha256(salt, ikm, b"info", 288)


def test_ciphers_and_keys_are_the_same_without_the_short_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers() -> list[bytes]:
        secret = crypto.X25519Secret(bytes(range(32)))
        data, key = bytes(100), bytes(range(32))
        iv = bytes(range(16))
        return [
            crypto.aes_ctr(key[:16], data),
            crypto.aes_ctr(key[:16], data, iv),
            secret.exchange(crypto.x25519_public(key[::-1])),
        ]

    with_short_cuts = answers()
    monkeypatch.setattr(crypto, "_start_cipher", crypto._public_start_cipher)
    monkeypatch.setattr(crypto, "_load_x25519", X25519PublicKey.from_public_bytes)
    assert answers() == with_short_cuts


def test_hkdf_gives_the_answers_of_rfc_5869() -> None:
    # RFC 5869, appendix A.1 and A.3 (no salt, no info).
    assert crypto.hkdf_sha256(bytes(range(13)), b"\x0b" * 22, bytes(range(0xF0, 0xFA)), 42) == h(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert crypto.hkdf_sha256(b"", b"\x0b" * 22, b"", 42) == h(
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


@pytest.mark.parametrize("length", [16, 32, 33, 80])
@pytest.mark.parametrize("salt", [b"", b"salt"])
def test_hkdf_over_blake3_is_rfc_5869_written_out(length: int, salt: bytes) -> None:
    def hmac_blake3(key: bytes, data: bytes) -> bytes:
        padded = key.ljust(64, b"\0")
        inner = crypto.blake3_digest(bytes(b ^ 0x36 for b in padded) + data)
        return crypto.blake3_digest(bytes(b ^ 0x5C for b in padded) + inner)

    extracted = hmac_blake3(salt or bytes(32), b"secret")
    first = hmac_blake3(extracted, b"info\x01")
    second = hmac_blake3(extracted, first + b"info\x02")
    third = hmac_blake3(extracted, second + b"info\x03")
    assert crypto.hkdf_blake3(b"secret", length, salt, b"info") == (first + second + third)[:length]


def test_equal_compares_whole_values() -> None:
    assert crypto.equal(b"same", b"same")
    assert not crypto.equal(b"same", b"samE")
    assert not crypto.equal(b"same", b"same ")


# --- Lioness ----------------------------------------------------------------------------------------------------


def test_lioness_gives_the_answer_recorded_upstream() -> None:
    key, plain, encrypted = h(LIONESS["key"]), h(LIONESS["plain"]), h(LIONESS["encrypted"])
    assert crypto.lioness_encrypt(key, plain) == encrypted
    assert crypto.lioness_decrypt(key, encrypted) == plain


@given(st.binary(min_size=33, max_size=300), st.integers(0, 2**32))
@settings(max_examples=40)
def test_lioness_decrypts_what_it_encrypts(block: bytes, seed: int) -> None:
    key = random.Random(seed).randbytes(crypto.LIONESS_KEY_LENGTH)
    encrypted = crypto.lioness_encrypt(key, block)
    assert len(encrypted) == len(block)
    assert encrypted != block
    assert crypto.lioness_decrypt(key, encrypted) == block


@pytest.mark.parametrize("position", [0, 31, 32, 99])
def test_lioness_turns_the_whole_block_to_noise_on_one_flipped_bit(position: int) -> None:
    key = random.Random(4).randbytes(crypto.LIONESS_KEY_LENGTH)
    encrypted = bytearray(crypto.lioness_encrypt(key, bytes(100)))
    encrypted[position] ^= 1
    damaged = crypto.lioness_decrypt(key, bytes(encrypted))
    assert sum(byte != 0 for byte in damaged) > 80


def test_lioness_refuses_short_blocks_and_odd_keys() -> None:
    key = bytes(crypto.LIONESS_KEY_LENGTH)
    for operation in (crypto.lioness_encrypt, crypto.lioness_decrypt):
        with pytest.raises(WireError):
            operation(key, bytes(32))
        with pytest.raises(UsageError):
            operation(key[:-1], bytes(64))
        assert len(operation(key, bytes(33))) == 33

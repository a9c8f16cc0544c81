"""Fragment headers and splitting."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.chunking import (
    Fragment,
    FragmentHeader,
    fragments_needed,
    padded_length,
    split,
)
from nymconnect.packet.reassembly import Reassembler

REGULAR = 1611
SHORT = 17  # 10 bytes unlinked, 7 linked: three sets are a few kilobytes


def padded(length: int, fragment_length: int = SHORT, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(padded_length(length, fragment_length))


def put_together(fragments: list[Fragment], reassembler: Reassembler | None = None) -> list[bytes]:
    target = reassembler or Reassembler()
    return [message for fragment in fragments if (message := target.add(fragment, 0.0)) is not None]


# --- header and fragment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (FragmentHeader(0x01020304, 1, 1), "81020304 01 01 00"),
        (FragmentHeader(2**31 - 1, 255, 254), "ffffffff ff fe 00"),
        (FragmentHeader(1, 7, 1, 0x0A0B0C0D), "80000001 07 01 8a0b0c0d"),
        (FragmentHeader(1, 255, 255, 2), "80000001 ff ff 80000002"),
    ],
)
def test_header_has_the_bytes_of_the_reference(header: FragmentHeader, data: str) -> None:
    assert header.encode() == bytes.fromhex(data)
    assert header.length == len(header.encode())
    assert FragmentHeader.decode(bytes.fromhex(data) + b"payload") == header


@pytest.mark.parametrize(
    "data",
    [
        "01020304 01 01 00",  # no flag bit
        "80000000 01 01 00",  # set id 0
        "80000001 00 00 00",  # no fragments
        "80000001 01 00 00",  # number 0
        "80000001 01 02 00",  # number beyond total
        "80000001 03 01 01000002",  # link without flag bit
        "80000001 03 01 80000000",  # link 0
        "80000001 03 01 80000001",  # link to itself
        "80000001 03 02 80000002",  # link in the middle
        "80000001 03 03 80000002",  # link in the last, but not the 255th
        "80000001 ff fe 80000002",
    ],
)
def test_header_decode_refuses_the_impossible(data: str) -> None:
    with pytest.raises(WireError):
        FragmentHeader.decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("set_id", "total", "number", "link"),
    [(0, 1, 1, None), (2**31, 1, 1, None), (-1, 1, 1, None), (1, 256, 1, None), (1, 1, 2, None), (1, 3, 2, 5)],
)
def test_header_refuses_the_impossible(set_id: int, total: int, number: int, link: int | None) -> None:
    with pytest.raises(UsageError):
        FragmentHeader(set_id, total, number, link)


@pytest.mark.parametrize("header", [FragmentHeader(5, 9, 3), FragmentHeader(5, 9, 1, 4)])
def test_fragment_survives_the_wire_and_no_shorter_one_does(header: FragmentHeader) -> None:
    fragment = Fragment(header, b"x")
    data = fragment.encode()
    assert Fragment.decode(data) == fragment
    for length in range(len(data)):
        with pytest.raises(WireError):
            Fragment.decode(data[:length])


def test_fragment_takes_trailing_bytes_as_payload() -> None:
    assert Fragment.decode(Fragment(FragmentHeader(5, 9, 3), b"x").encode() + b"yz").payload == b"xyz"


def test_fragment_without_payload_is_refused() -> None:
    with pytest.raises(UsageError):
        Fragment(FragmentHeader(5, 9, 3), b"")


def test_fragment_is_named_by_set_and_number() -> None:
    assert Fragment(FragmentHeader(5, 9, 3), b"x").fid == FragmentId(5, 3)


@settings(max_examples=60)
@given(st.binary(max_size=40))
def test_random_bytes_raise_wire_errors_only(data: bytes) -> None:
    for candidate in (data, b"\x80" + data):
        try:
            assert Fragment.decode(candidate).encode() == candidate
        except WireError:
            continue


# --- splitting --------------------------------------------------------------------------------------------------

# Bytes of application data; packets they take as plain, as reply, as repliable with 3, 10, 20 SURBs of V1, then of V2;
# and plain in Extended16.
WORKED_SIZES = [
    (0, 1, None, 3, 8, 15, 1, 3, 6, 1),
    (100, 1, 1, 3, 8, 15, 1, 3, 6, 1),
    (1_602, 1, 2, 4, 9, 16, 2, 4, 7, 1),
    (1_603, 2, 2, 4, 9, 16, 2, 4, 7, 1),
    (10_000, 7, 7, 9, 14, 21, 8, 10, 12, 1),
    (65_536, 41, 41, 44, 49, 56, 42, 44, 47, 5),
    (100_000, 63, 63, 65, 70, 77, 64, 66, 69, 7),
    (409_018, 255, 256, 258, 263, 270, 256, 258, 261, 26),
    (409_019, 256, 256, 258, 263, 270, 256, 258, 261, 26),
    (1_000_000, 624, 624, 626, 631, 638, 625, 627, 630, 63),
    (10_485_760, 6538, 6538, 6540, 6545, 6552, 6539, 6541, 6544, 658),
]
EXTENDED16 = 15_947
OVERHEADS = [1, 2, *(22 + count * 1164 for count in (3, 10, 20)), *(22 + count * 460 for count in (3, 10, 20))]


@pytest.mark.parametrize("row", WORKED_SIZES, ids=lambda row: str(row[0]))
def test_fragments_needed_agrees_with_the_worked_sizes(row: tuple[int | None, ...]) -> None:
    size, expected, extended = row[0], row[1:-1], row[-1]
    assert size is not None
    for overhead, count in zip(OVERHEADS, expected, strict=True):
        if count is not None:
            assert fragments_needed(overhead + size + 1, REGULAR) == count
    assert fragments_needed(1 + size + 1, EXTENDED16) == extended


def reference_count(length: int, fragment_length: int) -> int:
    """The count as nym-sphinx-chunking computes it, case by case."""
    unlinked, linked = fragment_length - 7, fragment_length - 10
    edge, middle = 255 * unlinked - 3, 255 * unlinked - 6
    if length <= 255 * unlinked:
        return -(-length // unlinked)
    sets = 2 if length <= 2 * edge else 2 + -(-(length - 2 * edge) // middle)
    full, links = 255 * (sets - 1), 2 * sets - 3
    rest = length - links * linked - (full - links) * unlinked
    return full + 1 if rest <= linked else full + 1 + -(-(rest - linked) // unlinked)


BORDERS = [255 * 10, 2 * (255 * 10 - 3), 2 * (255 * 10 - 3) + 255 * 10 - 6, 255 * 10 - 3 + 7, 2 * 255 * 10 - 9 + 7]


@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, *(border + i for border in BORDERS for i in (-1, 0, 1, 2))])
def test_padded_messages_fill_every_fragment_and_come_back(length: int) -> None:
    message = padded(length)
    fragments = split(message, SHORT, random.Random(2))
    assert len(fragments) == fragments_needed(length, SHORT) == reference_count(length, SHORT)
    assert {len(fragment.encode()) for fragment in fragments} == {SHORT}
    assert put_together(fragments) == [message]


@settings(max_examples=60)
@example(342_735, 11)
@given(st.integers(min_value=1, max_value=12_000_000), st.sampled_from([1611, 7755, 15947, 32331, 11, 17]))
def test_fragments_needed_agrees_with_the_reference(length: int, fragment_length: int) -> None:
    count = fragments_needed(length, fragment_length)
    assert count == reference_count(length, fragment_length)
    full = padded_length(length, fragment_length)
    assert full >= length
    assert fragments_needed(full, fragment_length) == count
    after = fragments_needed(full + 1, fragment_length)
    assert after == reference_count(full + 1, fragment_length)
    # Behind a set that was the last and full, a link takes three bytes, which move on with the new one: four are more
    # than a linked fragment of 11 bytes holds.
    assert after == count + 1 or (fragment_length == 11 and after == count + 2)


def test_sets_of_a_long_message_are_linked_in_order() -> None:
    fragments = split(padded(2 * 255 * 10 + 100), SHORT, random.Random(3))
    ids = list(dict.fromkeys(fragment.header.set_id for fragment in fragments))
    assert len(ids) == 3
    linked = {fragment.fid: fragment.header.link for fragment in fragments if fragment.header.link is not None}
    assert linked == {
        FragmentId(ids[0], 255): ids[1],
        FragmentId(ids[1], 1): ids[0],
        FragmentId(ids[1], 255): ids[2],
        FragmentId(ids[2], 1): ids[1],
    }
    assert [fragment.header.total for fragment in fragments[:510]] == [255] * 510
    assert {fragment.header.total for fragment in fragments[510:]} == {len(fragments) - 510}


def test_a_full_last_set_names_no_next_one() -> None:
    fragments = split(padded(255 * 10), SHORT, random.Random(3))
    assert len(fragments) == 255
    assert all(fragment.header.link is None for fragment in fragments)


def test_split_leaves_only_the_last_fragment_of_an_unpadded_message_short() -> None:
    fragments = split(b"x" * 25, SHORT, random.Random(1))
    assert [len(fragment.payload) for fragment in fragments] == [10, 10, 5]


class DrawingRng(random.Random):
    """Draws what it is told, and remembers between which bounds."""

    def __init__(self, draws: list[int]) -> None:
        super().__init__(0)
        self.draws = iter(draws)
        self.bounds: list[tuple[int, int]] = []

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        assert stop is not None
        self.bounds.append((start, stop))
        return next(self.draws)


def test_set_ids_are_31_bit_numbers_but_zero_and_differ_within_a_message() -> None:
    rng = DrawingRng([4, 4, 9, 4, 6])
    fragments = split(padded(2 * 255 * 10 + 100), SHORT, rng)
    assert list(dict.fromkeys(fragment.header.set_id for fragment in fragments)) == [4, 9, 6]
    assert set(rng.bounds) == {(1, 2**31)}


def test_split_refuses_empty_messages_and_fragments_too_short_for_a_link() -> None:
    with pytest.raises(UsageError):
        split(b"", SHORT, random.Random(1))
    with pytest.raises(UsageError):
        split(b"x", 10, random.Random(1))
    assert len(split(b"x" * 2000, 11, random.Random(1))) == fragments_needed(2000, 11)

"""Words that make a reader go back do not return: to documents, window texts, options, docstrings and comments."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCE_ROOTS = ("nymconnect", "proxy", "gui", "resources", "benchmarks", "packaging")
HISTORY = {"CHANGELOG.md"}  # keeps the words of its day
TEXTS = sorted(
    [path for path in REPOSITORY.glob("*.md") if path.name not in HISTORY]
    + [path for folder in ("docs", "benchmarks") for path in (REPOSITORY / folder).rglob("*.md")]
    + [path for root in SOURCE_ROOTS for path in (REPOSITORY / root).rglob("*.py")]
)
# Each with what to write instead.
AWKWARD = {
    r"whoever": "the person, node or program that is meant",
    r"so many (?:bytes|seconds|messages|packets|streams|further|more)|in so many": "the number's name",
    r"so long as": "as long as, or while",
    r"that of (?:the|a|an|all|what|its|our|another|each)": "the owner with 's, or the thing once more",
    r"(?:is|are) told (?:to|so|by|how|why|in|of|that)": "who says what, or: gets, learns, has to",
    r"goes on (?:as|to|with|by|in|both|and|filling|waiting)": "continues, or keeps doing it",
    r"stands? for (?!itself)": "means",
    r"of (?:ours|theirs)": "our, or: of this software",
}
# A string in pieces, a comment's mark, a line's end: between two words they count as one space.
BETWEEN = re.compile(r'"\s*\n\s*f?"|\s*\n\s*(?:# ?|- |> )?')


def awkward(text: str) -> list[str]:
    flat = re.sub(r" {2,}", " ", BETWEEN.sub(lambda gap: "" if '"' in gap[0] else " ", text))
    return [
        f"…{flat[max(0, found.start() - 40) : found.end() + 40]}… write {instead}"
        for words, instead in AWKWARD.items()
        for found in re.finditer(rf"\b(?:{words})", flat, re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_text_has_an_awkward_phrase(path: Path) -> None:
    assert awkward(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "The server answers whoever asks.",
        "It waits for so\n    many seconds.",
        '"The rate is that "\n        "of the gateway."',
        "# the peer is\n# told to stop",
        "Then it goes on as before.",
        "A letter stands for a country.",
        "A key of ours.",
    ],
)
def test_a_phrase_is_found_across_lines_and_pieces(text: str) -> None:
    assert len(awkward(text)) == 1

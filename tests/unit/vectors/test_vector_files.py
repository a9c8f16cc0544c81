"""The vector files themselves: a broken one must say its name."""

from pathlib import Path

import pytest

from tests.helpers import rust_vectors


@pytest.mark.parametrize("content", [None, b"", b'{"cut": [', b"\xff"])
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rust_vectors, "_FOLDER", tmp_path)
    if content is not None:
        (tmp_path / "rust-broken.json").write_bytes(content)
    with pytest.raises(pytest.fail.Exception, match=r"rust-broken\.json: "):
        rust_vectors.load("broken")


def test_an_empty_section_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rust_vectors, "_FOLDER", tmp_path)
    (tmp_path / "rust-empty.json").write_text('{"nothing": []}')
    with pytest.raises(pytest.fail.Exception, match=r"rust-empty\.json: section nothing is empty"):
        rust_vectors.cases("empty", "nothing")


def test_all_tests_read_vectors_through_the_helper() -> None:
    tests = Path(__file__).parents[2]
    paths = [path for folder in ("unit", "integration", "helpers") for path in (tests / folder).rglob("*.py")]
    others = [
        path.name for path in paths if '/ "vectors"' in path.read_text(encoding="utf-8") and path != Path(__file__)
    ]
    assert others == ["rust_vectors.py"]

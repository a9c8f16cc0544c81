"""The list of files that a packet passes, in the document, is the one of a real run."""

from pathlib import Path

from benchmarks.proxy.packets_way import differences, traced

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"


async def test_the_document_lists_the_files_that_a_thousand_bytes_pass() -> None:
    way, document = await traced(), DOCUMENT.read_text()
    assert differences(way, document) == []
    lacking = document.replace(f"| {len(way.files)} | `{way.files[-1]}`", "| 0 | `nowhere.py`").replace(way.summary, "")
    assert len(differences(way, lacking)) == 2 + len(way.files)

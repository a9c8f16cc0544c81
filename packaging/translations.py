"""Collects the texts of the window and makes its translations; `make translations` runs this.

`pyside6-lupdate` finds what stands in calls of `translate`. Texts in tables of the layers below, which know no Qt, are
handed to it as a file of such calls. Then `pyside6-lrelease` makes the files that the window loads; both come with
PySide6-Essentials. With --check nothing is written: the exit code says whether the files are up to date.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "gui" / "nymconnect_gui"
FOLDER = SOURCES / "translations"
LANGUAGES = ("de",)
Text = tuple[str, str]


def main(arguments: list[str]) -> int:
    """Update all languages; 1 if a text has no translation, or with --check if something is out of date."""
    if "--check" in arguments:
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(FOLDER, copy, dirs_exist_ok=True)
            update(Path(copy))
            stale = [code for code in LANGUAGES if texts(FOLDER, code) != texts(Path(copy), code)]
    else:
        FOLDER.mkdir(exist_ok=True)
        update(FOLDER)
        stale = []
    missing = [text for code in LANGUAGES for text, (_, done) in texts(FOLDER, code).items() if not done]
    for context, source in missing:
        print(f"{context}: {source}", file=sys.stderr)
    return 1 if stale or missing else 0


def update(folder: Path) -> None:
    """Bring the .ts and .qm files in `folder` up to the sources."""
    with tempfile.TemporaryDirectory() as place:
        tables = Path(place) / "tables.py"
        tables.write_text("\n".join(f"QT_TRANSLATE_NOOP({context!r}, {text!r})" for context, text in from_tables()))
        sources = [str(path) for path in sorted(SOURCES.rglob("*.py"))]
        for code in LANGUAGES:
            ts = folder / f"nymconnect_{code}.ts"
            run(
                "lupdate",
                *sources,
                str(tables),
                "-no-obsolete",
                "-locations",
                "none",
                "-target-language",
                code,
                "-ts",
                str(ts),
            )
            run("lrelease", str(ts), "-silent", "-qm", str(ts.with_suffix(".qm")))


def from_tables() -> Iterator[Text]:
    """Context and text of everything that stands in a table."""
    from nymconnect.client.presets import PRESETS
    from nymconnect_proxy.diagnostics.checkup import Finding

    for preset in PRESETS.values():
        yield "Presets", preset.title
        yield "Presets", preset.sentence
    for finding in Finding:
        yield "Checkup", finding.value


def texts(folder: Path, code: str) -> dict[Text, Text]:
    """By context and source: the translation, and `done` if it is finished."""
    found: dict[Text, Text] = {}
    for context in ElementTree.parse(folder / f"nymconnect_{code}.ts").getroot().iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            assert translation is not None
            text = translation.text or ""
            done = "done" if text and translation.get("type") is None else ""
            found[context.findtext("name") or "", message.findtext("source") or ""] = (text, done)
    return found


def run(tool: str, *arguments: str) -> None:
    """One of Qt's tools, which stand beside the interpreter."""
    program = Path(sys.executable).with_name(f"pyside6-{tool}")
    subprocess.run([str(program), *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

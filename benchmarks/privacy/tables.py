"""Puts the saved results into the page beside them, between its two markers: ``python benchmarks/privacy/tables.py``.

Short runs (label `short`) are left out.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy.report import RESULTS

PAGE = RESULTS / "README.md"
BEGIN, END = "<!-- results: made by benchmarks/privacy/tables.py -->", "<!-- end of results -->"

Document = dict[str, Any]


def tables(documents: list[Document]) -> Iterator[str]:
    """Markdown lines: one line for each run, then the runs."""
    yield ""
    yield "| run | day | figures with a mark | missed |"
    yield "|---|---|---|---|"
    for document in documents:
        title, checks = _title(document), document["checks"]
        judged = sum(check["met"] is not None for check in checks)
        unmet = sum(check["met"] is False for check in checks)
        anchor = title.lower().replace(",", "").replace(" ", "-")
        yield f"| [{title}](#{anchor}) | {document['date'][:10]} | {judged} | {unmet or 'none'} |"
    for document in documents:
        machine = document["machine"]
        yield ""
        yield f"### {_title(document)}"
        yield ""
        yield (
            f"{document['date'][:16].replace('T', ' ')} UTC, revision {document['revision'] or 'unknown'}, "
            f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}; load average at the end: "
            f"{machine.get('load_average', ['unknown'])[0]}. Adversary: {document['adversary']}."
        )
        yield ""
        if document["benchmark"].startswith("wire"):
            yield from _wire(document)
        elif document["benchmark"].startswith("formats"):
            yield from _formats(document)
        else:
            yield from _checks(document["checks"])


def _title(document: Document) -> str:
    return f"{document['benchmark']}{', ' + document['label'] if document['label'] else ''}"


def _wire(document: Document) -> Iterator[str]:
    results = document["results"]
    yield (
        "| condition | n | rate /s | W1 D | W2 p | W4 worst lag, grid | W5 up p | W6 up AUC | W6 down AUC "
        "| control: W1 D | W6 AUC |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for condition, pure in results["uplink"].items():
        grid = max(pure["rayleigh"].values())
        row = [condition, pure["gaps"], f"{pure['rate']:.1f}", f"{pure['ks']:.3f}", f"{pure['chi_square_p']:.2g}"]
        row.append(f"{max(map(abs, pure['autocorrelation'])):.3f}, {grid:.3f}")
        up = results["against_idle"]["uplink"].get(condition)
        down = results["against_idle"]["downlink"].get(condition)
        row += [f"{up['ks_p']:.2g}", _auc(up), _auc(down)] if up and down else ["", "", ""]
        row.append(f"{results['control'][condition]['ks']:.3f}" if "control" in results else "")
        bare = results["against_idle"].get("control", {}).get(condition)
        row.append(_auc(bare) if bare else "")
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""
    parameters = document["parameters"]
    unmet = [check["name"] for check in document["checks"] if check["met"] is False]
    judged = sum(check["met"] is not None for check in document["checks"])
    foreign = " With a requester of other software." if parameters.get("foreign requester") else ""
    yield (
        f"Classifier: {parameters['classifier']}, {parameters['cycles']} cycles.{foreign} "
        f"The preset promises {judged} of the {len(document['checks'])} figures. "
        f"Missed: {', '.join(unmet) if unmet else 'none'}."
    )


def _auc(values: Document) -> str:
    return f"{values['auc']:.2f} ({values['low']:.2f}–{values['high']:.2f})"


def _formats(document: Document) -> Iterator[str]:
    hops = document["results"]["hops"]
    least = min(values[name] for values in hops.values() for name in ("delay_p",) if name in values)
    packets = sum(document["results"]["sent"].values())
    yield (
        f"{packets} packets, seen at {len(hops)} places. No place tells data from cover by more than "
        f"{max(values['bits'] for values in hops.values()):g} bits; the smallest p of a delay is {least:.3f}."
    )
    unmet = [check["name"] for check in document["checks"] if check["met"] is False]
    yield f"Missed: {', '.join(unmet) if unmet else 'none'}."


def _checks(checks: list[Document]) -> Iterator[str]:
    yield "| figure | measured | mark | met |"
    yield "|---|---|---|---|"
    for check in checks:
        verdict = {True: "yes", False: "**no**", None: ""}[check["met"]]
        yield f"| {check['name']} | {check['measured']} | {check['required'].replace('|', '/')} | {verdict} |"


def main() -> None:
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    body = "\n".join(tables([document for document in documents if document["label"] != "short"]))
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{body}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()

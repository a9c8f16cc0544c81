"""What the window makes of a reason: a sentence, and the page where a person can do something about it."""

from dataclasses import dataclass

NETWORK, EXITS, PROXY, REPORT = "settings-network", "settings-exits", "settings-proxy", "diagnostics-report"
SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence, and the key of the page that helps, empty if trying again is all there is to do."""

    sentence: str
    page: str = ""


def sentence_case(text: str) -> str:
    """A reason as a sentence."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")

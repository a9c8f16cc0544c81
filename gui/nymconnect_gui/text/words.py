"""What the program says about a session: one mood, one word and one true sentence for each snapshot. No widgets here.

Every text goes through `translate`, so that `pyside6-lupdate` finds it. Sentences promise only what the status says.
"""

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QCoreApplication, QLocale

from nymconnect.client.presets import PRESETS
from nymconnect.endpoints import Endpoint
from nymconnect.reasons import Reason
from nymconnect_gui.text.advice import sentence_case as sentence_case
from nymconnect_gui.text.reasons import advice
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.settings.networks import NamedNetwork, Network, OwnNetwork
from nymconnect_proxy.settings.options import is_name

translate = QCoreApplication.translate

SHORT_NAME = 8  # characters of a key that are enough to tell two apart


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a press on *Connect* did not even begin. `busy` is the address that another program has, if that is it."""

    reason: Reason
    busy: Endpoint | None = None


class Mood(Enum):
    """What a person sees; the value names the icon."""

    OFF = "off"
    WAITING = "waiting"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    STOPPING = "stopping"
    FAILED = "failed"

    @property
    def moves(self) -> bool:
        """Whether it is on the way to another one."""
        return self in (Mood.CONNECTING, Mood.STOPPING)

    @property
    def is_off(self) -> bool:
        """Whether the next press connects."""
        return self in (Mood.OFF, Mood.FAILED)


_MOODS = {
    State.DISCONNECTED: Mood.OFF,
    State.WAITING: Mood.WAITING,
    State.CONNECTING: Mood.CONNECTING,
    State.CONNECTED: Mood.CONNECTED,
    State.DISCONNECTING: Mood.STOPPING,
    State.FAILED: Mood.FAILED,
}


def mood_of(status: Status, problem: Problem | None = None) -> Mood:
    """A problem counts until the next attempt begins."""
    mood = _MOODS[status.state]
    return Mood.FAILED if problem is not None and mood is Mood.OFF else mood


def word(mood: Mood) -> str:
    """The state as one word."""
    match mood:
        case Mood.OFF:
            return translate("State", "Disconnected")
        case Mood.WAITING:
            return translate("State", "Waiting")
        case Mood.CONNECTING:
            return translate("State", "Connecting…")
        case Mood.CONNECTED:
            return translate("State", "Connected")
        case Mood.STOPPING:
            return translate("State", "Disconnecting…")
        case Mood.FAILED:
            return translate("State", "Failed")


def action(mood: Mood) -> str:
    """What the next press does."""
    if mood is Mood.FAILED:
        return translate("State", "Try again")
    if mood is Mood.CONNECTING:
        return translate("State", "Cancel")
    return translate("State", "Connect") if mood.is_off else translate("State", "Disconnect")


def sentence(status: Status, problem: Problem | None = None) -> str:
    """What is protected now and what is not."""
    match mood_of(status, problem):
        case Mood.OFF:
            return translate(
                "State", "Nothing uses the mixnet. The proxy is closed: programs set up for it stay offline."
            )
        case Mood.WAITING:
            waiting = translate(
                "State",
                "NymConnect stays out of the mixnet until a program asks. The request then waits for the connection.",
            )
            failed = translate("State", "The last attempt failed: {reason}")
            if status.reason is None:
                return waiting
            return f"{failed.format(reason=advice(status.reason).sentence)} {waiting}"
        case Mood.CONNECTING:
            refuses = translate("State", "The proxy refuses connections until it is ready.")
            return f"{advice(status.reason).sentence} {refuses}" if status.reason is not None else refuses
        case Mood.CONNECTED:
            return _protection(status)
        case Mood.STOPPING:
            return translate("State", "Leaving the mixnet. The proxy refuses connections.")
        case Mood.FAILED if problem is not None and problem.busy is not None:
            busy = translate("State", "Another program already uses {address}. End it, or take another port.")
            return busy.format(address=problem.busy)
        case Mood.FAILED if problem is not None:
            return advice(problem.reason).sentence
        case Mood.FAILED:
            refuses = translate("State", "The proxy refuses connections: nothing goes around the mixnet.")
            return f"{advice(status.reason).sentence} {refuses}" if status.reason is not None else refuses


def _protection(status: Status) -> str:
    if status.is_practice:
        return translate(
            "State", "Practice network on this computer: it works like a real one, but gives you no anonymity."
        )
    preset = PRESETS.get(status.preset)
    if preset is not None and not preset.is_safe:
        return translate(
            "State", "This preset is for trying things out: its delays are too short to hide who you talk to."
        )
    if status.rates.main is None:
        return translate(
            "State", "What you send follows your data: anybody who watches your line sees when you are busy."
        )
    if status.downlink_hidden:
        return translate(
            "State", "Your line always carries the same traffic: nobody who watches it can see whether you use it."
        )
    return translate(
        "State",
        "What you send hides in steady traffic. What you receive does not: anybody who watches "
        "your line sees when you download, and how much.",
    )


def network_name(network: Network) -> str:
    """The network as a person calls it."""
    match network:
        case NamedNetwork.PRACTICE:
            return translate("State", "Practice network")
        case NamedNetwork.MAINNET:
            return translate("State", "Nym mainnet")
        case OwnNetwork(url):
            return url


def preset_title(name: str) -> str:
    """The name of a preset for people."""
    if name in PRESETS:
        return translate("Presets", PRESETS[name].title)
    return translate("State", "Automatic")


def short(name: str | None) -> str:
    """The beginning of a key or address, which is enough to tell two apart."""
    if not name:
        return "–"
    return name if len(name) <= SHORT_NAME + 1 else f"{name[:SHORT_NAME]}…"


def exit_name(status: Status) -> str:
    """The exit in use, by its name in the address book if it has one."""
    name = status.requesters[0].name if status.requesters else ""
    return name if name and is_name(name) else short(status.requester)


def duration(seconds: float) -> str:
    """hh:mm:ss."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def amount(count: float) -> str:
    """Bytes, in steps of a thousand."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{number(count, 0 if unit == 'B' or count >= 100 else 1)} {unit}"


def number(value: float, decimals: int = 0) -> str:
    """As the language in force writes it."""
    locale = QLocale()
    locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
    return locale.toString(float(value), "f", decimals)

"""What goes wrong, in plain words: a reason of the session becomes one clear sentence, and a page where to go on.

Here are the reasons of network and session; `local_reasons` has those of this computer. What is known in English only
(`Words`) is shown as it is.
"""

import re

from PySide6.QtCore import QCoreApplication

from nymconnect.reasons import (
    ClientCrashed,
    DirectoryUnreachable,
    DirectoryUnusable,
    GatewayDenies,
    GatewayGone,
    GatewayNotUnderstood,
    GatewayRefuses,
    GatewaySays,
    GatewaySilent,
    GatewayUnlisted,
    GatewayUnproven,
    GatewayUnreachable,
    GatewayVersion,
    LinkBroke,
    Moved,
    NoGateway,
    NoReply,
    NothingComesBack,
    Reason,
    Several,
    Slept,
    Unreachable,
    Wanted,
    Words,
)
from nymconnect_gui.text.advice import EXITS, NETWORK, REPORT, Advice, sentence_case
from nymconnect_gui.text.local_reasons import local_advice
from nymconnect_proxy.session.reasons import (
    CoverFirst,
    Crash,
    EnteringElsewhere,
    NoGatewayAnswers,
    NoGatewayIn,
    NoRequester,
    PlainDirectory,
    RequestersGone,
    RequestersReplaced,
    TooFewNodes,
    TryingAnother,
)

translate = QCoreApplication.translate


# How gateways say that our time is wrong.
_CLOCK = re.compile(r"timestamp|gateway's clock", re.IGNORECASE)
LONGEST_PIECE = 20  # characters
_TECHNICAL = re.compile(r"(?<!\S)(?:-\S+|\S*[/=@:.,_]\w\S*|/\S*)")
_SEPARATORS = re.compile(r"(?<=[/=@,])(?=[^/=@,])")
_INNER = re.compile(r"(?<=[.:_])(?=\w)")


def advice(reason: Reason) -> Advice:
    """The sentence for a reason; one that is known in English only, as it is if the table does not have it."""
    match reason:
        case TryingAnother(inner) | EnteringElsewhere(inner):
            first = _passing(inner)
            trying = translate("Reasons", "Trying another gateway.")
            return Advice(f"{first.sentence} {trying}", first.page)
        case Several(reasons):
            return advice(reasons[0])
        case DirectoryUnreachable():
            return _unreachable(reason)
        case DirectoryUnusable(url):
            text = translate("Reasons", "{url} is not the directory of a mixnet. Check the address.")
            return Advice(text.format(url=url), NETWORK)
        case PlainDirectory(url):
            text = translate(
                "Reasons", "Anybody on the way to {url} could change what it says. Use an address with https."
            )
            return Advice(text.format(url=url), NETWORK)
        case RequestersGone(names):
            text = translate("Reasons", "The network no longer has the exit {name}. Choose another one.")
            return Advice(text.format(name=", ".join(names)), EXITS)
        case RequestersReplaced():
            return Advice(translate("Reasons", "The exits in use are gone. Taking others of this network."))
        case NoGatewayIn(country):
            text = translate("Reasons", "The network lists no gateway in {country}. Choose another country, or none.")
            return Advice(text.format(country=country), EXITS)
        case NoRequester(_, ""):
            return Advice(
                translate("Reasons", "This network lists no exit. Enter the address of one that you may use."), EXITS
            )
        case NoRequester(_, country):
            text = translate("Reasons", "The network lists no exit in {country}. Choose another country, or none.")
            return Advice(text.format(country=country), EXITS)
        case CoverFirst(seconds):
            text = translate("Reasons", "Sending cover traffic for {seconds} seconds first.")
            return Advice(text.format(seconds=f"{seconds:g}"))
        case Slept():
            return Advice(translate("Reasons", "This computer was asleep. Connecting again."))
        case Moved():
            return Advice(translate("Reasons", "This computer is on another network. Connecting again."))
        case Words(text):
            return Advice(sentence_case(text))
        case _:
            return local_advice(reason) or _of_gateway(reason)


def _passing(reason: Reason) -> Advice:
    """A reason that asks nothing of a person, for another gateway is tried already."""
    match reason:
        case GatewaySays(words) | GatewayRefuses(GatewaySays(words)) if not _CLOCK.search(words):
            return Advice(translate("Reasons", "The gateway refused: “{words}”.").format(words=words), EXITS)
        case _:
            return advice(reason)


def _of_gateway(reason: Reason) -> Advice:
    match reason:
        case NoGateway(Wanted.NAMED) | GatewayUnlisted(named=True):
            text = translate(
                "Reasons",
                "The network does not list the gateway that you chose. Check its key, or choose Automatic.",
            )
            return Advice(text, EXITS)
        case GatewayUnlisted():
            return Advice(translate("Reasons", "The network no longer lists the gateway."))
        case NoGateway() | TooFewNodes() | NoGatewayAnswers():
            return Advice(
                translate("Reasons", "No gateway of this network can be used at the moment. Try again later.")
            )
        case GatewayUnreachable(by_upstream=True) | GatewayGone(last=GatewayUnreachable(by_upstream=True)):
            return _no_upstream()
        case GatewayUnreachable() | GatewaySilent() | GatewayGone() | NoReply():
            text = translate(
                "Reasons",
                "The gateway does not answer. Check the network of this computer, or choose another gateway.",
            )
            return Advice(text, EXITS)
        case GatewayRefuses(inner):
            return _of_gateway(inner)
        case GatewaySays(words) if _CLOCK.search(words):
            return Advice(translate("Reasons", "The date or time of this computer is wrong. Set it, then try again."))
        case GatewaySays(words):
            text = translate("Reasons", "The gateway refused: “{words}”. Try another gateway.")
            return Advice(text.format(words=words), EXITS)
        case GatewayUnproven():
            text = translate(
                "Reasons", "The gateway could not prove that it is the one in the directory. Choose another one."
            )
            return Advice(text, EXITS)
        case GatewayDenies():
            text = translate(
                "Reasons",
                "The gateway refuses this client. Check the date and time of this computer, or choose another gateway.",
            )
            return Advice(text, EXITS)
        case GatewayNotUnderstood() | GatewayVersion():
            return Advice(
                translate("Reasons", "The gateway speaks another version of the protocol. Choose another one."), EXITS
            )
        case LinkBroke() | NothingComesBack():
            return Advice(translate("Reasons", "The connection to the gateway was lost."))
        case ClientCrashed() | Crash():
            text = translate(
                "Reasons",
                "Something went wrong inside NymConnect. Try again; if it happens again, save a problem report.",
            )
            return Advice(text, REPORT)
        case _:
            return Advice(sentence_case(str(reason)))


def _no_upstream() -> Advice:
    text = translate("Reasons", "The proxy on the way to the gateway does not connect. Check it in the settings.")
    return Advice(text, NETWORK)


def _unreachable(reason: DirectoryUnreachable) -> Advice:
    match reason.fault:
        case Unreachable.NO_NETWORK:
            return Advice(translate("Reasons", "This computer has no network. Check the connection, then try again."))
        case Unreachable.NO_UPSTREAM:
            return _no_upstream()
        case Unreachable.NO_NAME:
            text = translate(
                "Reasons",
                "{url} was not found. Check the network of this computer and the address of the directory.",
            )
        case Unreachable.NO_TLS:
            text = translate(
                "Reasons",
                "{url} cannot prove who it is. Check the address, and the date and time of this computer.",
            )
        case Unreachable.OTHER_CERTIFICATE:
            text = translate(
                "Reasons",
                "{url} shows a different certificate from the one that you named. Ask its operator for "
                "the new fingerprint.",
            )
        case Unreachable.NO_ANSWER:
            text = translate("Reasons", "{url} does not answer. Check the network of this computer, then try again.")
        case Unreachable.OTHER:
            text = translate("Reasons", "Nothing answers at {url}. Check the address of the directory.")
    return Advice(text.format(url=reason.url), NETWORK)


def breakable(text: str) -> str:
    """The same to the eye: addresses, paths and commands may be cut where that is best; never for copying.

    Short pieces such as 127.0.0.1:1080 stay whole, and nothing technical is cut behind a dash. Prose stays as it is.
    """
    return _TECHNICAL.sub(lambda found: _cut(found.group()), text)


def _cut(word: str) -> str:
    pieces = _SEPARATORS.split(word)
    short = (_INNER.sub("\u200b", piece) if len(piece) > LONGEST_PIECE else piece for piece in pieces)
    return "\u200b".join(short).replace("-", "-\u2060")

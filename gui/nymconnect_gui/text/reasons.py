"""What goes wrong, in plain words: a reason of the session becomes one clear sentence, and a page where to go on.

A reason of a class of its own is matched here. Of what is known in English only (`Words`), what usually happens to a
person is in a table, and anything else is shown as it is.
"""

import re
from dataclasses import dataclass

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
    Reason,
    Several,
    Slept,
    Unreachable,
    Wanted,
    Words,
)
from nymconnect_proxy.session.reasons import (
    CoverFirst,
    Crash,
    EnteringElsewhere,
    NoGatewayAnswers,
    NoGatewayIn,
    NoRequester,
    PlainDirectory,
    PracticeEnded,
    TooFewNodes,
    TryingAnother,
)

translate = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence, and the key of the page that helps, empty if trying again is all there is to do."""

    sentence: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: "re.Pattern[str]"
    text: str
    page: str = ""


def _rule(pattern: str, text: str, page: str = "") -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), text, page)


_NETWORK, _EXITS, _PROXY, _REPORT = "settings-network", "settings-exits", "settings-proxy", "diagnostics-report"
RULES = (
    _rule(r"no space left on device", "The disk is full. Make room, then try again."),
    _rule(
        r"cannot listen on (?P<address>\S+): (?P<why>[^;]+)",
        "The proxy cannot open {address}: {why}. Choose another address or port.",
        _PROXY,
    ),
    _rule(r"no requester is named '(?P<name>[^']*)'", "No exit is named {name}. Choose another one.", _EXITS),
    _rule(r"one requester stands there twice", "One exit is in the list twice. Remove one of the two.", _EXITS),
    _rule(
        r"(practice|embedded) network (has ended|did not start)",
        "The practice network has ended. Try again; if it ends again, save a problem report.",
        _REPORT,
    ),
    _rule(
        r"address must be a literal ip address",
        "The proxy takes an IP address, such as 127.0.0.1, and no name. Correct it in the settings.",
        _PROXY,
    ),
    _rule(
        r"(?P<address>\S+) is reachable from other machines",
        "Other computers reach {address}. Allow that and set a password, or take 127.0.0.1.",
        _PROXY,
    ),
    _rule(
        r"rpc_url leads nowhere: no requester can look up the name (?P<host>\S+)",
        "No exit can look up {host}, which the settings file names in rpc_url. Correct it.",
    ),
    _rule(r"rpc_listen leads nowhere", "The settings file has rpc_listen without rpc_url. Add it, or remove both."),
    _rule(
        r"not the url of a directory: '(?P<url>[^']*)'",
        "{url} is not the address of a directory. Correct it.",
        _NETWORK,
    ),
    _rule(
        r"key file (?P<path>.+) is open to other users of this computer; .*by: (?P<command>chmod .+)$",
        "Other users of this computer can reach the keys in {path}. Run “{command}” to keep them, or delete the file "
        "for new ones.",
    ),
    _rule(
        r"(?P<path>\S+) was written by a newer version",
        "{path} was written by a newer version of NymConnect. Update, or move the file away.",
    ),
    _rule(
        r"internal error",
        "Something went wrong inside NymConnect. Try again; if it happens again, save a problem report.",
        _REPORT,
    ),
    _rule(
        r"the keys of this client do not read",
        "The keys of the last session could not be read. This session has new ones.",
    ),
    _rule(
        r"the keys of replies still to come do not read",
        "Replies to the last session could not be kept. This one is not affected.",
    ),
    _rule(r"another session uses the profile", "Another session runs already; this one keeps nothing."),
    _rule(
        r"cannot (?:write|use|read|use directory) (?P<path>.+?): (?P<why>[^:]+)$",
        "{path} cannot be used: {why}.",
    ),
    _rule(
        r"does not let this program change what starts at login: (?P<why>[^:]+)$",
        "The system does not let NymConnect change what starts at login: {why}.",
    ),
    _rule(r"^(?P<path>\S+\.toml): (?P<why>[^:]+)$", "{path} cannot be used: {why}."),
)
# Halves of sentences: what operating systems say of what cannot be used.
WHYS = {
    "permission denied": "this user may not do that",
    "operation not permitted": "this user may not do that",
    "read-only file system": "nothing can be written there",
    "not a directory": "a file is in the way",
    "file exists": "a file is in the way",
    "is a directory": "a folder is in the way",
    "no such file or directory": "it is not there",
    "another program, perhaps nymconnect itself, uses it": "another program uses it",
    "cannot assign requested address": "this computer has no such address",
}
# How gateways say that our time is wrong.
_CLOCK = re.compile(r"timestamp|gateway's clock", re.IGNORECASE)
LONGEST_PIECE = 20  # characters
_TECHNICAL = re.compile(r"(?<!\S)(?:-\S+|\S*[/=@:.,_]\w\S*|/\S*)")
_SEPARATORS = re.compile(r"(?<=[/=@,])(?=[^/=@,])")
_INNER = re.compile(r"(?<=[.:_])(?=\w)")
TRIES_ANOTHER = "Trying another gateway."


def advice(reason: Reason) -> Advice:
    """The sentence for a reason; one that is known in English only, as it is if the table does not have it."""
    match reason:
        case TryingAnother(inner) | EnteringElsewhere(inner):
            first = _passing(inner)
            return Advice(f"{first.sentence} {_translate(TRIES_ANOTHER)}", first.page)
        case Several(reasons):
            return advice(reasons[0])
        case DirectoryUnreachable():
            return _unreachable(reason)
        case DirectoryUnusable(url):
            text = translate("Reasons", "{url} is not the directory of a mixnet. Check the address.")
            return Advice(text.format(url=url), _NETWORK)
        case PlainDirectory(url):
            text = translate(
                "Reasons", "Anybody on the way to {url} could change what it says. Use an address with https."
            )
            return Advice(text.format(url=url), _NETWORK)
        case NoGatewayIn(country):
            text = translate("Reasons", "The network lists no gateway in {country}. Choose another country, or none.")
            return Advice(text.format(country=country), _EXITS)
        case NoRequester(_, ""):
            return Advice(
                translate("Reasons", "This network lists no exit. Enter the address of one that you may use."), _EXITS
            )
        case NoRequester(_, country):
            text = translate("Reasons", "The network lists no exit in {country}. Choose another country, or none.")
            return Advice(text.format(country=country), _EXITS)
        case CoverFirst(seconds):
            text = translate("Reasons", "Sending cover traffic for {seconds} seconds first.")
            return Advice(text.format(seconds=f"{seconds:g}"))
        case Slept():
            return Advice(translate("Reasons", "This computer was asleep. Connecting again."))
        case Moved():
            return Advice(translate("Reasons", "This computer is on another network. Connecting again."))
        case Words(text):
            return _by_table(text)
        case _:
            return _of_gateway(reason)


def _passing(reason: Reason) -> Advice:
    """A reason that asks nothing of a person, for another gateway is tried already."""
    match reason:
        case GatewaySays(words) | GatewayRefuses(GatewaySays(words)) if not _CLOCK.search(words):
            return Advice(translate("Reasons", "The gateway refused: “{words}”.").format(words=words), _EXITS)
        case _:
            return advice(reason)


def _of_gateway(reason: Reason) -> Advice:
    match reason:
        case NoGateway(Wanted.NAMED) | GatewayUnlisted():
            text = translate(
                "Reasons",
                "The network does not list the gateway that you chose. Check its key, or choose Automatic.",
            )
            return Advice(text, _EXITS)
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
            return Advice(text, _EXITS)
        case GatewayRefuses(inner):
            return _of_gateway(inner)
        case GatewaySays(words) if _CLOCK.search(words):
            return Advice(translate("Reasons", "The date or time of this computer is wrong. Set it, then try again."))
        case GatewaySays(words):
            text = translate("Reasons", "The gateway refused: “{words}”. Try another gateway.")
            return Advice(text.format(words=words), _EXITS)
        case GatewayUnproven():
            text = translate(
                "Reasons", "The gateway could not prove that it is the one in the directory. Choose another one."
            )
            return Advice(text, _EXITS)
        case GatewayDenies():
            text = translate(
                "Reasons",
                "The gateway refuses this client. Check the date and time of this computer, or choose another gateway.",
            )
            return Advice(text, _EXITS)
        case GatewayNotUnderstood() | GatewayVersion():
            return Advice(
                translate("Reasons", "The gateway speaks another version of the protocol. Choose another one."), _EXITS
            )
        case LinkBroke():
            return Advice(translate("Reasons", "The connection to the gateway was lost."))
        case PracticeEnded():
            text = translate(
                "Reasons", "The practice network has ended. Try again; if it ends again, save a problem report."
            )
            return Advice(text, _REPORT)
        case ClientCrashed() | Crash():
            text = translate(
                "Reasons",
                "Something went wrong inside NymConnect. Try again; if it happens again, save a problem report.",
            )
            return Advice(text, _REPORT)
        case _:
            return Advice(sentence_case(str(reason)))


def _no_upstream() -> Advice:
    text = translate("Reasons", "The proxy on the way to the gateway does not connect. Check it in the settings.")
    return Advice(text, _NETWORK)


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
    return Advice(text.format(url=reason.url), _NETWORK)


def _by_table(reason: str) -> Advice:
    for rule in RULES:
        if (match := rule.pattern.search(reason)) is not None:
            values = {name: _why(value) if name == "why" else value for name, value in match.groupdict().items()}
            return Advice(_translate(rule.text).format(**values), rule.page)
    return Advice(sentence_case(reason))


def _why(text: str) -> str:
    """Half a sentence, in the language in force if it is known."""
    known = WHYS.get(text.rstrip(".").lower())
    return text if known is None else _translate(known)


def breakable(text: str) -> str:
    """The same to the eye: addresses, paths and commands may be cut where that is best; never for copying.

    Short pieces such as 127.0.0.1:1080 stay whole, and nothing technical is cut behind a dash. Prose stays as it is.
    """
    return _TECHNICAL.sub(lambda found: _cut(found.group()), text)


def _cut(word: str) -> str:
    pieces = _SEPARATORS.split(word)
    short = (_INNER.sub("\u200b", piece) if len(piece) > LONGEST_PIECE else piece for piece in pieces)
    return "\u200b".join(short).replace("-", "-\u2060")


def sentence_case(text: str) -> str:
    """A reason as a sentence."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def _translate(text: str) -> str:
    return QCoreApplication.translate("Reasons", text)

"""What goes wrong, in plain words: a reason of the session becomes one clear sentence, and a page where to go on.

The layers below say what they know in English, for logs and the command line. What usually happens to a person is in
this table; anything else is shown as it is. `translate` finds the texts by the table (`make translations`).
"""

import re
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication


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
_SAYS = r"^the gateway (?:says|refuses this client): "
RULES = (
    # Its own words first: whatever a stranger writes, only these rules read it.
    _rule(
        _SAYS + r".*(timestamp|gateway's clock)", "The date or time of this computer is wrong. Set it, then try again."
    ),
    _rule(
        _SAYS + r"the gateway (speaks|answered with) protocol version",
        "The gateway speaks another version of the protocol. Choose another one.",
        _EXITS,
    ),
    _rule(
        _SAYS + r"the gateway could not prove its identity",
        "The gateway could not prove that it is the one in the directory. Choose another one.",
        _EXITS,
    ),
    _rule(
        _SAYS + r"the gateway did not accept our",
        "The gateway refuses this client. Check the date and time of this computer, or choose another gateway.",
        _EXITS,
    ),
    _rule(
        _SAYS + r"(?P<words>.+); (?:trying another gateway|entering by another one)\.?$",
        "The gateway refused: “{words}”.",
        _EXITS,
    ),
    _rule(_SAYS + r"(?P<words>.+)$", "The gateway refused: “{words}”. Try another gateway.", _EXITS),
    _rule(r"no space left on device", "The disk is full. Make room, then try again."),
    _rule(
        r"cannot listen on (?P<address>\S+): (?P<why>.+)",
        "The proxy cannot open {address}: {why}. Choose another address or port.",
        _PROXY,
    ),
    _rule(
        r"the upstream proxy \S+ does not connect",
        "The proxy on the way to the gateway does not connect. Check it in the settings.",
        _NETWORK,
    ),
    _rule(
        r"cannot be reached: .*(network is unreachable|no route to host)",
        "This computer has no network. Check the connection, then try again.",
    ),
    _rule(
        r"directory (?P<url>\S+) cannot be reached: its name does not resolve",
        "{url} is not found. Check the network of this computer and the address of the directory.",
        _NETWORK,
    ),
    _rule(
        r"directory (?P<url>\S+) cannot be reached: no trusted tls",
        "{url} cannot prove who it is. Check the address, and the date and time of this computer.",
        _NETWORK,
    ),
    _rule(
        r"directory (?P<url>\S+) cannot be reached: it shows another certificate",
        "{url} shows another certificate than the one that you named. Ask whoever runs it for the new fingerprint.",
        _NETWORK,
    ),
    _rule(
        r"directory (?P<url>\S+) cannot be reached: no answer",
        "{url} does not answer. Check the network of this computer, then try again.",
        _NETWORK,
    ),
    _rule(
        r"directory (?P<url>\S+) cannot be reached",
        "Nothing answers at {url}. Check the address of the directory.",
        _NETWORK,
    ),
    _rule(
        r"directory (?P<url>\S+) gave no usable answer",
        "{url} is not the directory of a mixnet. Check the address.",
        _NETWORK,
    ),
    _rule(
        r"lists no such gateway|no longer lists the gateway",
        "The network does not list the gateway that you chose. Check its key, or choose Automatic.",
        _EXITS,
    ),
    _rule(
        r"lists no gateway in (?P<country>\S+)",
        "The network names no gateway in {country}. Choose another country, or none.",
        _EXITS,
    ),
    _rule(
        r"lists no requester in (?P<country>\S+)",
        "The network names no exit in {country}. Choose another country, or none.",
        _EXITS,
    ),
    _rule(
        r"lists no \S+ gateway|too few nodes|no gateway answers",
        "No gateway of this network can be used at the moment. Try again later.",
    ),
    _rule(
        r"lists no requester|needs a requester",
        "This network names no exit. Give the address of one that you may use.",
        _EXITS,
    ),
    _rule(r"no requester is named '(?P<name>[^']*)'", "No exit is named {name}. Choose another one.", _EXITS),
    _rule(r"one requester stands there twice", "One exit stands there twice. Remove it once.", _EXITS),
    _rule(
        r"the gateway is not understood",
        "The gateway speaks another version of the protocol. Choose another one.",
        _EXITS,
    ),
    _rule(
        r"cannot reach the gateway|the gateway (has not answered|does not answer)|not a gateway",
        "The gateway does not answer. Check the network of this computer, or choose another gateway.",
        _EXITS,
    ),
    _rule(
        r"the gateway closed the connection|connection to the gateway (?:broke|failed)|gateway connection was given up"
        r"|nothing has come back through the gateway|does not take what it is sent"
        r"|the pacer (has ended|has failed|is not understood)",
        "The connection to the gateway was lost.",
    ),
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
        r"the directory (?P<url>\S+) speaks plain http",
        "Anybody on the way to {url} could change what it says. Use an address with https.",
        _NETWORK,
    ),
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
        r"sending cover for (?P<seconds>[\d.]+) seconds before",
        "Sending cover traffic for {seconds} seconds first.",
    ),
    _rule(r"this computer has slept", "This computer was asleep. Connecting again."),
    _rule(r"this computer is on another network", "This computer is on another network. Connecting again."),
    _rule(
        r"the keys of this client do not read",
        "The keys of the last time could not be read. This session has new ones.",
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
    "address already in use": "another program uses it",
    "cannot assign requested address": "this computer has no such address",
}
LONGEST_PIECE = 20  # characters
_TECHNICAL = re.compile(r"(?<!\S)(?:-\S+|\S*[/=@:.,_]\w\S*|/\S*)")
_SEPARATORS = re.compile(r"(?<=[/=@,])(?=[^/=@,])")
_INNER = re.compile(r"(?<=[.:_])(?=\w)")
TRIES_ANOTHER = "Trying another gateway."
_ANOTHER = re.compile(r"; (trying another gateway|entering by another one)\.?$")


def advice(reason: str) -> Advice:
    """The sentence for a reason; an unknown one as it is."""
    for rule in RULES:
        if (match := rule.pattern.search(reason)) is not None:
            values = {name: _why(value) if name == "why" else value for name, value in match.groupdict().items()}
            sentence = _translate(rule.text).format(**values)
            if _ANOTHER.search(reason):
                sentence = f"{sentence} {_translate(TRIES_ANOTHER)}"
            return Advice(sentence, rule.page)
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

"""What may be typed into each field: a check gives one clear sentence, or nothing when all is well. No widgets here.

The bounds themselves are those of the option table (`nymconnect_proxy.settings.settings`); only the sentences are of
this module, so that they can be translated and say what to do.
"""

from PySide6.QtCore import QLocale

from nymconnect.endpoints import Upstream, is_loopback, parse_fingerprint
from nymconnect.errors import UserError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect_gui.text.words import translate
from nymconnect_proxy.settings.address_book import Book
from nymconnect_proxy.settings.config import OPTIONS
from nymconnect_proxy.settings.options import DIRECTORY, MAX_PORT, MAX_REQUESTERS, is_name

_OPTIONS = {option.name: option for option in OPTIONS}


def fits(name: str, text: str) -> bool:
    """Whether the option `name` takes `text`."""
    try:
        _OPTIONS[name].parse(text)
    except UserError:
        return False
    return True


def directory_url(text: str) -> str:
    """The directory of a network of one's own."""
    text = text.strip()
    if not text:
        return translate("Fields", "Write the address of the network's directory.")
    if not text.startswith(("https://", "http://")):
        return translate("Fields", "The address begins with https:// or http://.")
    if "#" in text or text in _OPTIONS["network"].choices or not fits("network", text):
        return translate("Fields", "Write the whole address, such as https://mixnet.example.org/api.")
    return ""


def fingerprint(text: str, url: str) -> str:
    """The certificate of the directory at `url`; nothing is fine."""
    if not text.strip():
        return ""
    if not url.startswith("https://"):
        return translate("Fields", "Only an address that begins with https:// has a certificate.")
    try:
        parse_fingerprint(text)
    except UserError:
        return translate("Fields", "A fingerprint (SHA-256) has 64 digits and letters from a to f.")
    return ""


def country(text: str) -> str:
    """The code of a country; nothing is fine."""
    text = text.strip()
    known = QLocale.codeToTerritory(text.upper()) is not QLocale.Country.AnyTerritory
    if text and not (known and fits("gateway_country", text)):
        return translate("Fields", "Write the two letters of a country, such as CH.")
    return ""


def gateway(text: str) -> str:
    """The identity of a gateway."""
    text = text.strip()
    if not text:
        return translate("Fields", "Write the gateway's identity key, or choose Automatic.")
    if not fits("gateway", text):
        return translate("Fields", "An identity key has 43 or 44 letters and digits, without 0, O, I and l.")
    return ""


def requesters(text: str, book: Book) -> str:
    """One exit or several, by name or by Nym address."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        return translate("Fields", "Write a name or a Nym address, or choose Automatic.")
    if DIRECTORY in parts:
        return translate("Fields", "Choose Automatic to let the directory decide.")
    if len(parts) > MAX_REQUESTERS:
        return translate("Fields", "At most {count} exits.").format(count=MAX_REQUESTERS)
    if len(set(parts)) < len(parts):
        return translate("Fields", "One exit is in the list twice.")
    known = dict(book)
    for part in parts:
        if is_name(part) and part not in known:
            return translate("Fields", "No exit is named {name} in your address book.").format(name=part)
        if not is_name(part) and not _is_recipient(part):
            return translate(
                "Fields", "Not a Nym address: {start}… Its form is identity.encryption@gateway, without spaces."
            ).format(start=part[:12])
    return ""


def _is_recipient(text: str) -> bool:
    try:
        Recipient.parse(text)
    except WireError:
        return False
    return True


def port(text: str) -> str:
    """Where programs find the proxy."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return translate("Fields", "A port is a number.")
    if len(text) > 5 or not 1 <= int(text) <= MAX_PORT:
        return translate("Fields", "A port is a number from 1 to 65535.")
    if int(text) < 1024:
        return translate("Fields", "Ports below 1024 belong to the system. Take a higher one, such as 1080.")
    return ""


def listen_host(text: str, *, allow_remote: bool) -> str:
    """The address on which the proxy listens."""
    try:
        loopback = is_loopback(text.strip())
    except ValueError:
        return translate("Fields", "Write an IP address, such as 127.0.0.1.")
    if not loopback and not allow_remote:
        return translate("Fields", "Other computers reach this address. Allow that below, or take 127.0.0.1.")
    return ""


def upstream(text: str) -> str:
    """The proxy through which gateway and directory are reached; nothing is fine."""
    text = text.strip()
    if not text:
        return ""
    if not text.startswith(("socks5://", "http://")):
        return translate("Fields", "The proxy begins with socks5:// or http://.")
    try:
        value = _OPTIONS["upstream"].parse(text)
    except UserError:
        return translate("Fields", "Write it as socks5://host:port.")
    if isinstance(value, Upstream) and value.username is not None:
        return translate("Fields", "Write name and password in their own fields.")
    return ""


def password(text: str) -> str:
    """What programs must give; nothing is fine."""
    if text and not fits("password", text):
        return translate("Fields", "At most 255 bytes.")
    return ""

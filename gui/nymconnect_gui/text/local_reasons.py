"""What this computer, its files and its settings do not allow, in plain words; the other reasons are in `reasons`."""

import errno

from PySide6.QtCore import QCoreApplication

from nymconnect.reasons import KeysLost, NoDirectoryUrl, NoFingerprint, Reason, RepliesLost, SystemSays
from nymconnect.system_reasons import CannotListen, FileUnusable, NewerFile, OpenToOthers
from nymconnect_gui.reasons import AutostartRefused
from nymconnect_gui.text.advice import EXITS, NETWORK, PROXY, REPORT, SETTINGS, Advice, sentence_case
from nymconnect_proxy.ingress.reasons import NotAnAddress, ReachableByOthers, RpcUrlMissing, RpcUrlPrivate
from nymconnect_proxy.practice.reasons import PracticeEnded, PracticeNotStarted, PracticeTooSlow
from nymconnect_proxy.session.reasons import ProfileInUse
from nymconnect_proxy.settings.pasted import NotPastedWhole, Pasted
from nymconnect_proxy.settings.reasons import (
    BookFull,
    NoBook,
    OptionWrong,
    RequesterAddressWrong,
    RequesterNameWrong,
    RequesterTwice,
    RequesterUnknown,
    SettingsBroken,
    SettingsOpenToOthers,
    TooLong,
    UnknownOption,
    UnknownSection,
    ValueWrong,
)

translate = QCoreApplication.translate


def local_advice(reason: Reason) -> Advice | None:
    """The sentence for a reason that lies on this computer; None for others."""
    match reason:
        case SystemSays(errno.ENOSPC) | FileUnusable(fault=SystemSays(errno.ENOSPC)):
            return Advice(translate("Reasons", "The disk is full. Make room, then try again."))
        case SystemSays():
            return Advice(sentence_case(_why(reason)))
        case SettingsBroken(path, problem, line) if line:
            text = translate("Reasons", "{path}, line {line}: {why}.")
            return Advice(text.format(path=path, line=line, why=_why(problem).rstrip(".")), SETTINGS)
        case SettingsOpenToOthers(path, may_write=True):
            text = translate(
                "Reasons", "Other users of this computer can change the settings in {path}. Run “{command}” first."
            )
            return Advice(text.format(path=path, command=reason.command), SETTINGS)
        case SettingsOpenToOthers(path):
            text = translate(
                "Reasons", "Other users of this computer can reach the password in {path}. Run “{command}” first."
            )
            return Advice(text.format(path=path, command=reason.command), SETTINGS)
        case FileUnusable(path, _, problem) | SettingsBroken(path, problem):
            text = translate("Reasons", "{path} cannot be used: {why}.")
            return Advice(text.format(path=path, why=_why(problem).rstrip(".")))
        case NewerFile(path):
            text = translate(
                "Reasons", "{path} was written by a newer version of NymConnect. Update, or move the file away."
            )
            return Advice(text.format(path=path))
        case OpenToOthers(path):
            text = translate(
                "Reasons",
                "Other users of this computer can reach the keys in {path}. Run “{command}” to keep them, or delete "
                "the file for new ones.",
            )
            return Advice(text.format(path=path, command=reason.command))
        case KeysLost():
            return Advice(
                translate("Reasons", "The keys of the last session could not be read. This session has new ones.")
            )
        case RepliesLost():
            return Advice(
                translate("Reasons", "Replies to the last session could not be kept. This one is not affected.")
            )
        case ProfileInUse():
            return Advice(translate("Reasons", "Another session runs already; this one keeps nothing."))
        case AutostartRefused(fault):
            text = translate("Reasons", "The system does not let NymConnect change what starts at login: {why}.")
            return Advice(text.format(why=_why(fault).rstrip(".")))
        case PracticeEnded() | PracticeNotStarted() | PracticeTooSlow():
            text = translate(
                "Reasons", "The practice network has ended. Try again; if it ends again, save a problem report."
            )
            return Advice(text, REPORT)
        case _:
            return _of_ports(reason) or _of_settings(reason)


def _of_ports(reason: Reason) -> Advice | None:
    match reason:
        case CannotListen(host, port, fault):
            text = translate("Reasons", "The proxy cannot open {address}: {why}. Choose another address or port.")
            return Advice(text.format(address=f"{host}:{port}", why=_why(fault).rstrip(".")), PROXY)
        case NotAnAddress():
            text = translate(
                "Reasons",
                "The proxy takes an IP address, such as 127.0.0.1, and no name. Correct it in the settings.",
            )
            return Advice(text, PROXY)
        case ReachableByOthers(_, host):
            text = translate(
                "Reasons", "Other computers reach {address}. Allow that and set a password, or take 127.0.0.1."
            )
            return Advice(text.format(address=host), PROXY)
        case RpcUrlPrivate(host, is_address=True):
            text = translate(
                "Reasons",
                "{host}, which the settings file names in rpc_url, is not on the public Internet. Correct it.",
            )
            return Advice(text.format(host=host))
        case RpcUrlPrivate(host):
            text = translate(
                "Reasons", "No exit can look up {host}, which the settings file names in rpc_url. Correct it."
            )
            return Advice(text.format(host=host))
        case RpcUrlMissing():
            return Advice(
                translate("Reasons", "The settings file has rpc_listen without rpc_url. Add it, or remove both.")
            )
        case _:
            return None


def _of_settings(reason: Reason) -> Advice | None:
    match reason:
        case RequesterUnknown(name):
            return Advice(translate("Reasons", "No exit is named {name}. Choose another one.").format(name=name), EXITS)
        case RequesterTwice():
            return Advice(translate("Reasons", "One exit is in the list twice. Remove one of the two."), EXITS)
        case NoDirectoryUrl(url, has_no_certificate=True):
            text = translate("Reasons", "Only an address with https can have a fingerprint. Correct {url}.")
            return Advice(text.format(url=url), NETWORK)
        case NoDirectoryUrl(url):
            text = translate("Reasons", "{url} is not the address of a directory. Correct it.")
            return Advice(text.format(url=url), NETWORK)
        case NotPastedWhole(Pasted.NYM_ADDRESS, start=start):
            text = translate("Reasons", "“{text}” is no Nym address. Paste the whole of it, in one piece.")
            return Advice(text.format(text=start), EXITS)
        case NotPastedWhole(start=start):
            text = translate("Reasons", "“{text}” is no key of a gateway. Paste the whole of it, in one piece.")
            return Advice(text.format(text=start), EXITS)
        case NoFingerprint():
            text = translate("Reasons", "A fingerprint has 64 digits and letters from a to f. Correct the directory's.")
            return Advice(text, NETWORK)
        case _:
            problem = _of_file(reason)
            return None if problem is None else Advice(sentence_case(problem))


def _why(reason: Reason) -> str:
    """Half a sentence: why something cannot be used. What only others know is in their words."""
    match reason:
        case SystemSays(errno.EACCES | errno.EPERM):
            return translate("Reasons", "this user may not do that")
        case SystemSays(errno.EROFS):
            return translate("Reasons", "nothing can be written there")
        case SystemSays(errno.ENOTDIR | errno.EEXIST):
            return translate("Reasons", "a file is in the way")
        case SystemSays(errno.EISDIR):
            return translate("Reasons", "a folder is in the way")
        case SystemSays(errno.ENOENT):
            return translate("Reasons", "it is not there")
        case SystemSays(errno.EADDRINUSE):
            return translate("Reasons", "another program uses it")
        case SystemSays(errno.EADDRNOTAVAIL):
            return translate("Reasons", "this computer has no such address")
        case _:
            return _of_file(reason) or str(reason)


def _of_file(reason: Reason) -> str | None:
    """Half a sentence: what is wrong in the settings file."""
    match reason:
        case ValueWrong():
            return translate("Reasons", "the value is wrong")
        case OptionWrong(option):
            return translate("Reasons", "the value of {option} is wrong").format(option=option)
        case UnknownSection(section):
            return translate("Reasons", "no section is named {section}").format(section=section)
        case UnknownOption(section, option):
            return translate("Reasons", "the section {section} has no entry {option}").format(
                section=section, option=option
            )
        case NoBook():
            return translate("Reasons", "the list of exits does not read")
        case RequesterNameWrong(name):
            return translate("Reasons", "no exit can have the name “{name}”").format(name=name[:64])
        case RequesterAddressWrong(name):
            return translate("Reasons", "the address of the exit {name} is wrong").format(name=name)
        case BookFull(most):
            return translate("Reasons", "more than {most} exits are listed").format(most=most)
        case TooLong():
            return translate("Reasons", "it is too long")
        case _:
            return None

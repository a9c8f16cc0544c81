"""The command line: one entry point, one module of `commands` for each command, imported only when it runs.

Exit codes: 0 done, 1 failed with one clear line on stderr, 2 wrong usage. Importing this module loads neither Qt nor
an HTTP library, so that ``--help`` answers at once.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from nymconnect import __version__
from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.runtime.descriptors import raise_limit
from nymconnect_proxy.commands.nonblocking_output import LineOutlet, LogOutlet
from nymconnect_proxy.settings import config
from nymconnect_proxy.settings.options import Option, OptionKind

DONE, FAILED, WRONG_USAGE = 0, 1, 2
PACER = "pacer"
WINDOW = "gui"

Command = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]

_API = Option("api", section="network", kind=OptionKind.ENDPOINT, default=Endpoint("127.0.0.1", 8081), help="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == [PACER]:  # a packaged program is its own interpreter: see `nymconnect.client.pacer.parent`
        return int(import_module("nymconnect.client.pacer.child").main(given[1:]))
    parser = build_parser()
    flags = parser.parse_args(given)
    if flags.command is None:
        parser.print_help()
        return WRONG_USAGE
    raise_limit()
    set_up_logging(getattr(flags, "log_level", "warning"))
    try:
        module = import_module(f"nymconnect_proxy.commands.{flags.command}")
        if flags.command == WINDOW and (code := module.open_window(flags)) is not None:
            return int(code)
        command: Command = module.run
        return asyncio.run(_until_interrupted(command(flags)))
    except UserError as error:
        _say_at_last(f"nymconnect: {error}")
        return FAILED
    except KeyboardInterrupt:
        return DONE


class _Parser(argparse.ArgumentParser):
    """Takes no flag for another one that begins like it, and tells a mistake in one line; so do the parsers of its
    commands, which are of its class."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Nothing is unknown here without being a mistake, and who knows that best is the parser of the command."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]  # what follows may be meant as a password
            self.error(f"there is no flag {word}" if word.startswith("-") else f"{word!r} is a word too many")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """argparse would print the whole usage first, which is longer than most terminals are high."""
        self.exit(WRONG_USAGE, f"{self.prog}: {message.removeprefix('argument ')}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """All commands and flags; `docs/cli.md` shows them."""
    parser = _Parser(prog="nymconnect", description="Proxy programs through a Nym mixnet.")
    parser.add_argument("--version", action="version", version=f"nymconnect {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    connect = commands.add_parser("connect", help="run the proxy until Ctrl-C")
    config.add_flags(connect)
    connect.add_argument("--settings", metavar="FILE", help="settings file to read (default: the user's own)")
    connect.add_argument("--json", action="store_true", help="print one JSON object a line")

    window = commands.add_parser(WINDOW, help="open the window; without a display, serve like connect")
    config.add_flags(window)
    window.add_argument("--settings", metavar="FILE", help="settings file to read and change (default: the user's own)")
    window.add_argument("--minimized", action="store_true", help="start in the tray, if there is one")
    window.set_defaults(json=False)

    control = commands.add_parser("control", help="ask the window that runs for its state, or tell it what to do")
    control.add_argument(
        "order",
        nargs="?",
        choices=("status", "connect", "disconnect", "show", "quit"),
        default="status",
        help="(default: status)",
    )
    control.add_argument("--json", action="store_true", help="print one JSON object")

    network = commands.add_parser("network", help="run a whole mixnet on this machine, for clients to use")
    network.add_argument("--mixnodes", type=_count(1, 20), default=2, metavar="N", help="per layer (default: 2)")
    network.add_argument("--gateways", type=_count(1, 10), default=2, metavar="N", help="(default: 2)")
    network.add_argument(
        "--api",
        type=config.flag_parser(_API),
        default=_API.default,
        metavar="HOST:PORT",
        help=f"(default: {_API.default})",
    )
    network.add_argument(
        "--exit-policy", type=Path, metavar="FILE", help="where its requester may connect (default: as other exits)"
    )
    network.add_argument("--json", action="store_true", help="print one JSON object a line")
    network.add_argument("--follow-stdin", action="store_true", help=argparse.SUPPRESS)
    config.add_flags(network, ("log",))

    selftest = commands.add_parser("selftest", help="send a file through an embedded mixnet and say what was measured")
    selftest.add_argument("--json", action="store_true", help="print one JSON object")
    config.add_flags(selftest, ("log",))

    bench = commands.add_parser("bench", help="measure throughput, latency and memory on an embedded mixnet")
    bench.add_argument("--megabytes", type=_count(1, 100), default=5, metavar="N", help="download size (default: 5)")
    bench.add_argument("--repeats", type=_count(1, 20), default=3, metavar="N", help="(default: 3)")
    config.add_flags(bench, ("log",))

    _add_requester(commands.add_parser("requester", help="keep an address book of requesters, and ask them"))

    recipes = commands.add_parser("recipes", help="print how to set a program up for the proxy")
    recipes.add_argument("name", nargs="?", metavar="NAME", help="of a program (default: list all)")
    recipes.add_argument("--host", help="where the proxy listens (default: as in the settings)")
    recipes.add_argument("--port", type=_count(1, 65535), metavar="N", help="(default: as in the settings)")
    recipes.add_argument("--language", default="en", metavar="CODE", help="en or de (default: en)")
    recipes.add_argument("--json", action="store_true", help="print one JSON object a line")
    return parser


def _add_requester(requester: argparse.ArgumentParser) -> None:
    actions = requester.add_subparsers(dest="action", metavar="ACTION", required=True)
    parsers = {
        "add": actions.add_parser("add", help="give a requester a name"),
        "remove": actions.add_parser("remove", help="forget a name"),
        "list": actions.add_parser("list", help="print the address book"),
        "query": actions.add_parser("query", help="ask what it is and where it connects, through the mixnet"),
    }
    for action in ("add", "remove"):
        parsers[action].add_argument("name", metavar="NAME", help="a word")
    parsers["add"].add_argument("address", metavar="ADDRESS", help="its Nym address")
    parsers["list"].add_argument("--directory", action="store_true", help="print those that the directory lists")
    parsers["query"].add_argument(
        "name", nargs="?", metavar="ADDRESS", help="Nym address or name (default: those of the settings)"
    )
    for action, parser in parsers.items():
        parser.add_argument("--settings", metavar="FILE", help="settings file (default: the user's own)")
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")
        config.add_flags(parser, ("network", "traffic", "log") if action in ("list", "query") else ("log",))


def _count(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a number from {least} to {most} is needed, not {text!r}")
        return int(text)

    return parse


def set_up_logging(level: str) -> None:
    """Log to stderr. Targets and peers appear at debug level only; secrets never do."""
    if sys.stderr is None:  # a program without a terminal, on Windows
        return
    handler = LogOutlet(sys.stderr)
    if level != "debug":
        handler.addFilter(_in_one_line)
    logging.basicConfig(
        level=level.upper(), handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # These two log whole requests, addresses included.
    for library in ("aiohttp", "asyncio"):
        logging.getLogger(library).setLevel(logging.DEBUG if level == "debug" else logging.ERROR)


def _say_at_last(text: str) -> None:
    """The line with which the program ends, behind those of the log. If nobody reads it, the program ends as well."""
    if sys.stderr is None:
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogOutlet):
            handler.flush()
    outlet = LineOutlet(sys.stderr, str)
    outlet.line(text)
    outlet.flush()


def _in_one_line(record: logging.LogRecord) -> bool:
    """No tracebacks for a person; and nothing at all of peers whose HTTP is none, of which aiohttp makes errors."""
    error = record.exc_info[1] if record.exc_info else None
    if type(error).__module__ == "aiohttp.http_exceptions":
        return False
    if error is not None:
        record.msg, record.args = f"{record.getMessage()}: {error!r}", ()
        record.exc_info = None
    return True


async def _until_interrupted(work: Coroutine[Any, Any, int]) -> int:
    """Run `work`; SIGTERM and SIGINT cancel it, so that it can clean up, and count as a wish fulfilled."""
    task = asyncio.ensure_future(work)
    if sys.platform != "win32":  # there, Ctrl-C arrives as KeyboardInterrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return DONE

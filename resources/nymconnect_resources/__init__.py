"""The data files that come with the program, read through `importlib.resources`."""

from importlib.resources import files

MAINNET_API = "https://validator.nymtech.net/api/"
"""Directory of the live Nym network (nym-network-defaults 1.21, `mainnet.rs`)."""


def read_text(name: str) -> str:
    """A text file of this package, whole."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def names_in(folder: str) -> list[str]:
    """The files of a folder of this package, in order."""
    return sorted(entry.name for entry in files(__name__).joinpath(folder).iterdir() if entry.is_file())

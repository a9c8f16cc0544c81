"""The data files that come with the program, read through `importlib.resources`."""

from importlib.resources import files

MAINNET_API = "https://validator.nymtech.net/api/"
"""Directory of the live Nym network (nym-network-defaults 1.21, `mainnet.rs`)."""


def read_text(name: str) -> str:
    """A text file of this package, whole."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")

"""Another port for the SOCKS listener, when somebody else has ours."""

import socket

from nymconnect_proxy.settings.options import MAX_PORT

TRIES = 50


def next_free_port(host: str, port: int) -> int | None:
    """The first port above `port` on which a listener could be opened now; None if there is none nearby."""
    candidates = range(port + 1, min(port + TRIES, MAX_PORT) + 1)
    return next((candidate for candidate in candidates if is_free(host, candidate)), None)


def is_free(host: str, port: int) -> bool:
    """Whether a listener could be opened there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True

"""Another port for the SOCKS listener, when somebody else has ours."""

import socket

from nymconnect.options import MAX_PORT

TRIES = 50


def next_free_port(host: str, port: int) -> int | None:
    """The first port above `port` on which a listener could be opened now; None if there is none nearby."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port + 1, min(port + TRIES, MAX_PORT) + 1):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return candidate
    return None

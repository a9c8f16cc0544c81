"""The languages of the local port, as machines of one connection until its request has been answered.

`server_handshake` looks at the first bytes and hands them to `socks5`, `socks4` or `http_connect`; `dialect` is what
the three have in common, and `refusals` are the reasons for which a request is turned away before an exit hears of it.
"""

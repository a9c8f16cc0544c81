"""The SOCKS5 side of NymConnect: the local listener, the exit service, and the stream machines between them."""

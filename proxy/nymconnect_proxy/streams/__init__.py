"""One proxied connection, from the socket of its program to the socket of its target.

`client_stream` and `exit_stream` are its two ends, as machines; `flow` is what they share (numbers, timers, credit) and
`ordering` puts messages back in order. A `pipe` drives an end: a socket on one side, messages into the mixnet on the
other. `back_pressure` bounds how far a sender may run ahead, `socket_close` ends a socket with a FIN or an RST.
`mixnet` is all that a pipe's owner needs of a mixnet client, and `receiver` takes the messages off it.
"""

"""Where the programs of this computer come in.

`listener` is the SOCKS port and `rpc` an HTTP address that leads to one server; `local_ports` opens the two. The
`multiplexer` carries all their streams through one mixnet client: `requester_choice` says to which requester, under
which of the `sender_tags`; where a requester has no place left, `stream_places` queues them in the `waiting_room`.
`questions` are what requesters are asked beside streams, and `requester_checks` whether they answer.
`reasons` say why a port is not opened.
"""

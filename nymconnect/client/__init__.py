"""A client of the mixnet.

`client` is the service: it drives `loopix`, the machine that joins what a client does (Loopix, USENIX Security 2017),
and `gateway/` gives it a link that is renewed when it is lost. `sending/` says what leaves and `pacer/` when; the link
moves packets from the one to the other. `surbs/` keeps the books of reply SURBs, `monitor/` what our own packets tell
of the network. `parameters` holds the rates and waits, `presets` the few sets of them. All of it is pure, except
`client`, `gateway/` and the transports of the pacer.
"""

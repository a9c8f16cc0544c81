"""A client of the mixnet.

`client` is the service: it holds one gateway link (`gateway/`), renews it, and drives `loopix`, the machine that joins
what a client does (Loopix, USENIX Security 2017). `sending/` says what leaves and `pacer/` when; a `feeder` moves
packets from the one to the other. `surbs/` keeps the books of reply SURBs, `monitor/` what our own packets tell of the
network. `parameters` holds the rates and waits, `presets` the few sets of them. All of it is pure, except `client`,
`feeder`, `gateway/` and the transports of the pacer.
"""

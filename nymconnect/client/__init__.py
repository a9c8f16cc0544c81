"""A client of the mixnet.

`parameters` holds the rates and waits. The machines are pure: `lanes` (who may send next), `pending` (what waits for
an ack), `surbs` (stock of reply blocks, and the keys of those given away), `health` (which nodes to route around) and
`loopix`, which joins them into a sender and receiver. `client` runs a `loopix` over a gateway connection.
"""

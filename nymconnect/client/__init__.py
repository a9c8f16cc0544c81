"""A client of the mixnet.

`parameters` holds the rates and waits. The machines are pure: `poisson` (when to send), `lanes` (who may send next),
`pending` (what waits for an ack), `surbs` (reply blocks that others gave us), `supply` (those that we give away),
`health` (which nodes to route around) and `loopix`, which joins them into a sender and receiver. `client` runs a
`loopix` over a gateway `connection`.
"""

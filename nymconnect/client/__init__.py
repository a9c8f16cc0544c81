"""A client of the mixnet.

`parameters` holds the rates and waits. The machines are pure: `lanes` (who may send next), `ready` (what waits for a
slot), `pending` (what waits for an ack), `surbs` (reply blocks that others gave us), `supply` (those that we give
away), `health` (which nodes to route around) and `loopix`, which joins them: what is sent. `pacing` with `poisson` is
when.

`client` runs a `loopix` over a gateway `connection` (`websocket` its frames); a `feeder` moves packets from the one to
the other. What carries them is a `carrier`: in this process, or in one of its own (`pacer_process`, its parent's side
`pacer_host`, and `pacer_messages` between the two).
"""

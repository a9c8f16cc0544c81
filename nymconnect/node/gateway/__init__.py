"""A gateway: the last hop of its clients, and the first relay of what they send.

`client_port` upgrades websockets, and each becomes a `client_session` that drives the machine of `link.gateway.server`.
Its `pusher` sends what the mixnet delivers. `registry` knows the clients, `mailbox` keeps what comes while they are
away, and `mailbox_writer` puts both into the database (`store`) before an ack leaves; `handover` reports how far a
pushed message has come. `paced_delivery` pushes at a constant rate to clients that asked for one, within what
`rate_allowance` grants. `gateway` is the service around all.
"""

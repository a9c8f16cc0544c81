"""The servers of the mixnet: mix nodes and gateways.

`mixer` takes a packet in, peels a layer and holds the packet for its delay; `keys` are what it peels with, `replay` and
`replay_log` what it has seen, `routing_filter` where a packet may go. These are pure. Services perform their effects:
`inbound` and `outbound` carry packets between nodes, `replay_store` keeps the memory of replays on disk, and `relay`
puts a mixer between them. `mixnode` is that and no more; the package `gateway` adds clients.
"""

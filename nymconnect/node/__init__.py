"""The servers of the mixnet: mix nodes and gateways.

`keys`, `view`, `replay`, `mixer`, `mailbox` and `registry` are pure. The services perform their effects: `links` and
`listener` carry packets between nodes, `relay` puts a mixer between them, `mixnode` is that and no more; `gateway` adds
clients, which `doorman` lets in and `session` serves.
"""

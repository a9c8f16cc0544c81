"""The servers of the mixnet: mix nodes and gateways.

`keys`, `view`, `replay`, `replay_log`, `mixer`, `mailbox` and `registry` are pure. The services perform their effects:
`links` and `listener` carry packets between nodes, `replay_store` keeps the memory of replays on disk, `relay` puts a
mixer between them, `mixnode` is that and no more; `gateway` adds clients, which `doorman` lets in and `session` serves.
"""

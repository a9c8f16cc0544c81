"""The servers of the mixnet: mix nodes and gateways.

`keys`, `view`, `replay`, `replay_log`, `mixer`, `mailbox`, `handover`, `delivery` and `registry` are pure. The services
perform their effects: `links` and `listener` carry packets between nodes, `replay_store` keeps the memory of replays on
disk, `relay` puts a mixer between them, `mixnode` is that and no more; `gateway` adds clients, which `doorman` lets in
and `session` serves. `mail_keeper` holds acks back until their messages are safe, in the database of `gateway_store`.
"""

"""The servers of the mixnet: mix nodes and gateways.

`mixer`, `replay`, `mailbox`, `keys`, `registry` and `view` are pure; `links`, `listener`, `relay`, `session`,
`mixnode` and `gateway` are the services that perform their effects.
"""

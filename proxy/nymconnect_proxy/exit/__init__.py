"""The network requester: takes requests off the mixnet, connects to their targets and carries the bytes.

`requester` is the service, and `exit_connection` one stream of it with its target. `admission` says which streams it
takes on, `resolver` looks names up by `lookups`, which lets no dead name hold up another, and `happy_eyeballs` connects
to the first address that answers. `shares` divides places among senders, so that none can use them all.
"""

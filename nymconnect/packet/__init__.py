"""The bytes of every packet and message: pure functions and frozen values, no I/O, no clock.

Read in this order: `params` (sizes and enums), `addressing` (who), `sphinx` (the onion), `framing` (packets on a
link), `acks`, `replies`, `chunking`, and last `messages`, which composes them. `docs/packet.md` has the byte maps.
"""

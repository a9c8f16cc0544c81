"""How two parties of the mixnet talk: `noise` between nodes, `gateway` between a client and its gateway.

Everything here is a sans-io machine: bytes, texts and the time go in, frozen effects come out.
"""

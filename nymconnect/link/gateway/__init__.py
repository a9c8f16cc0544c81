"""The protocol between a client and its gateway, versions 4 to 6. Mirrors nym-gateway-requests 1.21.

A websocket carries it: text messages are JSON (`messages`), binary messages are sealed packets (`frames`). A client
either registers, which agrees on a key (`handshake`), or proves that it holds one (`authentication`); after that
packets cost `bandwidth`. `client` and `server` are the two machines, `events` what they tell their drivers.
"""

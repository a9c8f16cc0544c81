"""A client and the gateway by which it enters.

`keys` is who the client is and how a gateway is drawn; `profile` keeps that on disk. `connection` is one websocket from
its start to its end: it performs what `link.gateway.client` asks for, in frames that `websocket` makes, over a
transport that paces, whose stocks it keeps full. `link` is one connection after another. `topology_refresh` keeps the
map of the network up to date and judges whether the gateway is gone for good; `network_change` notices sleep and
another network, after which the connection is dead whatever TCP says.
"""

"""A whole mixnet on this computer, to try things on: it gives no anonymity.

`embedded` is directory, nodes and requester in one event loop; `network_process` runs that as a process of its own;
`reasons` say why there is none.
"""

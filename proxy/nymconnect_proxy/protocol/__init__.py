"""What a client and a requester say to each other, as bytes. Mirrors nym-socks5-requests 1.21.

`requests` go one way and `responses` the other, both behind two `versions` bytes; `queries` are questions about the
requester itself, in `bincode`. `targets` are what a stream connects to, `private_names` those that no exit may hear of,
`exit_policy` says which of them an exit accepts. `credit` is an extension between two ends of this software.
"""

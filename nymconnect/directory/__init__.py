"""Who the nodes are: the directory API (nym-api), both sides of it, and the topology that routes are drawn from.

`topology`, the JSON shapes (`models`, `assembly`, `documents`), `network_state` (what a directory knows, over time) and
`locations` (which country a node stands in) are pure. `client` asks a directory, `server` is one.
"""

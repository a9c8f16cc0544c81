"""Who the nodes are: the directory API (nym-api), both sides of it, and the topology that routes are drawn from.

`topology` and the JSON shapes (`models`, `assembly`, `state`) are pure; `fetch` asks a directory, `server` is one.
"""

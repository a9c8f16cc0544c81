"""When packets leave, apart from what they carry.

`machine` is the pacer: two Poisson streams of slots and a stock of finished frames for each. It runs in this process
(`transport`) for a client that hides no timing, else in one of its own: `parent` is our side of that process, `child`
its own, `protocol` what the two tell each other. `sending_delay` stretches the gap on a slow link, as Nym's client
does. The child holds no keys, and imports nothing that could.
"""

"""Finding out whether it works, and telling others without telling on oneself.

`checkup` sends one request through the proxy and says how far it came. `selftest_network` and `fetch_through` are the
stage and the measure of `selftest` and `bench`. `log_ring` keeps the last lines of the log in memory; `report` makes
one text of all that, out of which `redact` takes what says who somebody is.
"""

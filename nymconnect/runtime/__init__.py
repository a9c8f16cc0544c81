"""The rim between pure machines and the operating system: everything that a machine may not do for itself.

`clock` is time and randomness, `tasks` are what a service runs and the timer that wakes its machine. A connection
leaves through `outbound` or `http` and comes in through `listening`, which no stranger can fill; `descriptors` counts
what the system allows, `sockets` is what both directions share. `repeats`, `faults` and `http_log` keep strangers from
filling the log, and `program` is how this program starts itself again.
"""

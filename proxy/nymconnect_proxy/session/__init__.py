"""From "connect" to a port that serves, and back: what the command line and the window drive.

`session` moves between the six `states`. Its `connector` is the way into the mixnet: network, directory, requesters
(`requester_selection`), gateway (`gateway_selection`) and client. `downlink` has a requester answer at a constant rate
(`rate_negotiation`), and `rate_monitor` sees whether ours is kept. `status_builder` puts what all parts say into one
frozen `status`, which `status_json` writes for other programs and `status_log` into the log; `alarms` are what a person
should know beside the state.
"""

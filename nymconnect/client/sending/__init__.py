"""A message's way out of a client: from words for somebody to packets that wait for their slot.

::

    put ─► lanes ─► scheduler ─► preparer ─► prepared ─► the pacer's slot ─► pending_acks ─► acked
             ▲                                                                    │ no ack in time
             └───────────────── again, in the lane of repetitions ◄───────────────┘

`transmission` owns that circle, and has five verbs: `put` a message, take the `next_packet` for a slot, tell of what
has `departed` and what was `acked`, and `wake` when its deadline has come. `lanes` keep what waits, one lane for each
(destination, stream); `scheduler` draws whose turn a slot is; `preparer` draws routes and wraps the layers; `prepared`
remembers what a built packet carries until it has left; `pending_acks` waits for acks as long as
`retransmission_timeout` says. `flow_control` keeps a stream from running too far ahead of its oldest unacked message,
`congestion_window` an unpaced sender from flooding the mixes. `cover_traffic` makes what carries nothing,
`paced_replies` the slots of answers at a constant rate, and `surb_controller` asks for reply SURBs and sends those that
we owe.
"""

"""A message's way out of a client: from words for somebody to packets that wait for their slot.

::

    put ──► lanes ── whose turn? ──► preparer ──► PreparedPackets ◄── cover_traffic
              ▲      (Scheduler)     routes,          │
              │                      layers           ├── next_packet ──► the pacer's stock, gateway
              │                                       │                           │
              │  no ack in time                       ▼                           │ has left
              └──────────────────────────────── retransmission ◄── departed ──────┘
                                                      ▲
                                                      └── acked

`transmission` owns that circle, and has five verbs: `put` a message, take the `next_packet` for a slot, tell of what
has `departed` and what was `acked`, and `wake` when its deadline has come.

| who | does |
|---|---|
| `lanes` | keep what waits, one lane for each (destination, stream), and draw whose turn a slot is |
| `preparer` | draws routes, wraps the layers, and remembers what a packet carries until it has left |
| `retransmission` | waits for acks, and knows how long |
| `flow_control` | keeps a stream from running too far ahead of its oldest message without an ack |
| `congestion_window` | keeps an unpaced sender from flooding the mixes |
| `cover_traffic` | makes what carries nothing |
| `paced_replies` | makes the slots of answers at a constant rate |
| `surb_controller` | asks for reply SURBs, and decides which of our own go with a message and which alone |
"""

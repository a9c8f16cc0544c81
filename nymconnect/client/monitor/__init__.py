"""What a client learns of the network from its own packets.

`mix_health` counts acks that come and acks that do not, and names mixes that are dead. `loop_monitor` watches the loops
that we send to ourselves: their loss, their delay, and whether somebody drops packets, which `drop_detection` judges by
a sequential test. Both name suspects; the preparer draws routes around them.
"""

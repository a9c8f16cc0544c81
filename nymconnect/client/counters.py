"""What a client counts, by name: for status, alarms and logs. Nothing of whom it talks to."""

from enum import StrEnum


class ClientCount(StrEnum):
    """Since the start, unless it is what is held or waits now; slots are counted for one connection."""

    # What has left.
    COVER_SENT = "cover_sent"
    DROP_COVER_SENT = "drop_cover_sent"
    REPLY_COVER_SENT = "reply_cover_sent"
    DATA_SENT = "data_sent"
    RETRANSMITTED = "retransmitted"
    STEADY_SUPPLY_SENT = "steady_supply_sent"

    # Acks, and packets without one.
    ACKED = "acked"
    COVER_ACKED = "cover_acked"
    UNKNOWN_ACK = "unknown_ack"
    GIVEN_UP = "given_up"
    NO_ROUTE = "no_route"
    UNSENDABLE = "unsendable"

    # Reply SURBs.
    SURB_REQUEST = "surb_request"
    REFUSED_SURB_REQUEST = "refused_surb_request"
    SURBS_REQUESTED = "surbs_requested"
    STARVED = "starved"
    REPLY_SLOTS_STARVED = "reply_slots_starved"

    # What has come in.
    DATA_RECEIVED = "data_received"
    REPLY_DATA_RECEIVED = "reply_data_received"
    COVER_RECEIVED = "cover_received"
    REPLY_COVER_RECEIVED = "reply_cover_received"
    PADDING_RECEIVED = "padding_received"
    MALFORMED = "malformed"
    UNKNOWN_TAG = "unknown_tag"
    INBOX_OVERFLOW = "inbox_overflow"
    CRASHED = "crashed"

    # Fragments.
    FRAGMENTS_DUPLICATE = "fragments_duplicate"
    FRAGMENTS_INCONSISTENT = "fragments_inconsistent"
    SETS_EXPIRED = "sets_expired"
    SETS_EVICTED = "sets_evicted"
    SETS_OPEN = "sets_open"
    SET_BYTES_HELD = "set_bytes_held"

    # The gateway link, and slots that carried nothing.
    GATEWAY_REJECTED = "gateway_rejected"
    SLOTS_EMPTY = "slots_empty"
    SLOTS_STALLED = "slots_stalled"
    SLOTS_LATE = "slots_late"

    # What is held or waits now.
    SENDERS_EVICTED = "senders_evicted"
    SURB_BYTES_HELD = "surb_bytes_held"
    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    REPLY_KEYS = "reply_keys"
    NODES_LEFT_OUT = "nodes_left_out"

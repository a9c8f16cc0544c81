"""A status as JSON, for other programs: what `nymconnect connect --json` prints and a window that runs answers.

`docs/cli.md` explains the fields.
"""

from nymconnect.packet.sphinx import DEFAULT_VERSION
from nymconnect_proxy.session.alarms import sentence
from nymconnect_proxy.session.downlink_report import sentence as downlink_sentence
from nymconnect_proxy.session.status import Status


def snapshot(status: Status, unix_offset: float) -> dict[str, object]:
    """A state, without the fields that have no value. `unix_offset` is Unix time minus the clock of `status`."""
    values: dict[str, object] = {
        "state": status.state.value,
        "socks": str(status.socks),
        "network": str(status.network),
        "practice": status.is_practice,
    }
    if status.rpc is not None:
        values["rpc"] = str(status.rpc)
    if status.gateway is not None:
        values |= {"gateway": status.gateway, "gateway_port": status.gateway_port}
    if status.requester is not None:
        values |= {"requester": status.requester, "downlink_hidden": status.downlink_hidden}
    if status.downlink is not None:
        values |= {"downlink": downlink_sentence(status.downlink), "downlink_cause": status.downlink.cause.value}
    if status.reason is not None:
        values |= {"reason": str(status.reason), "reason_code": type(status.reason).__name__}
    if status.crash is not None:
        values["crash"] = {"part": status.crash.part, "error": status.crash.error}
    values |= {
        "since": round(status.since + unix_offset, 3),
        "preset": status.preset,
        "rates": {"main": status.rates.main, "loop": status.rates.loop},
        "packet_version": DEFAULT_VERSION,
    }
    return values | measured(status)


def measured(status: Status) -> dict[str, object]:
    """What changes all the time. Delay in seconds, bytes those of the applications."""
    values: dict[str, object] = {
        "loss": status.loss,
        "delay": status.delay,
        "dropping": status.dropping,
        "queue": status.queue,
        "streams": status.streams,
        "bytes_up": status.bytes_up,
        "bytes_down": status.bytes_down,
    }
    if status.requesters:
        values["requesters"] = [
            {"name": known.name, "address": known.address, "health": known.health.value, "refused": known.refused}
            for known in status.requesters
        ]
    if status.turned_away:
        values["turned_away"] = {obstacle.value: count for obstacle, count in status.turned_away.items()}
    if status.suspects:
        values["suspects"] = list(status.suspects)
    if status.alarms:
        values["alarms"] = [sentence(alarm) for alarm in status.alarms]
    return values

"""Keeping up with the network: a fresh topology every few minutes, and soon after the nodes have changed their keys.

Also the judgement when a gateway is gone for good, as a machine.
"""

import asyncio
import logging
from collections.abc import Callable

from nymconnect.crypto import Rng
from nymconnect.directory.client import DirectoryClient
from nymconnect.directory.topology import Topology
from nymconnect.errors import UserError
from nymconnect.reasons import GatewayGone, GatewayUnlisted
from nymconnect.runtime.clock import clock, unix_offset

log = logging.getLogger(__name__)

REFRESH = 300.0
RETRY = 10.0
# After a change of keys: time for the nodes to tell the directory, spread so that clients do not all ask at once.
SETTLE = 10.0
GONE_AFTER_ATTEMPTS = 5
GONE_AFTER = 180.0
# Refreshes in a row that lack the gateway, over GONE_AFTER too: directories forget a node when it restarts.
GONE_AFTER_REFRESHES = 2


class TopologyRefresh:
    """`use` is given each new topology and answers whether it likes it; if not, the next one is fetched soon."""

    def __init__(self, directory: DirectoryClient, use: Callable[[Topology], bool], rng: Rng) -> None:
        self._directory = directory
        self._use = use
        self._rng = rng

    async def run(self) -> None:
        """For ever. While the directory cannot be asked the old topology stays."""
        pause, retry = await self._until_next(), RETRY
        while True:
            await asyncio.sleep(pause)
            if await self._refresh():
                pause, retry = await self._until_next(), RETRY
            else:
                pause, retry = retry, min(2 * retry, REFRESH)

    async def _refresh(self) -> bool:
        try:
            return self._use(await self._directory.topology())
        except UserError as error:
            log.warning("keeping the old topology: %s", error)
        except Exception as error:  # whatever a directory describes, the old topology is there
            log.error("keeping the old topology: %s: %s", type(error).__name__, error)
        return False

    async def _until_next(self) -> float:
        """Seconds until the next refresh is due."""
        try:
            info = await self._directory.key_rotation_info()
        except UserError:
            return REFRESH
        until_rotation = info.next_rotation_at() - (clock() + unix_offset())
        if until_rotation < 0:  # the directory has fallen behind; its nodes will not change their keys in time either
            return REFRESH
        return min(REFRESH, until_rotation + SETTLE * (0.5 + self._rng.random()))


class GatewayRecord:
    """What speaks against a gateway. Each verb returns why it counts as gone, or None while it does not."""

    def __init__(self) -> None:
        self._failures = self._missing = 0
        self._failing_since = self._missing_since = 0.0

    def worked(self) -> None:
        """We have been connected."""
        self._failures = 0

    def failed(self, now: float) -> GatewayGone | None:
        """An attempt to connect came to nothing."""
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        lasting = now - self._failing_since
        if self._failures < GONE_AFTER_ATTEMPTS or lasting < GONE_AFTER:
            return None
        return GatewayGone(lasting / 60)

    def listed(self, is_listed: bool, now: float) -> GatewayUnlisted | None:
        """A refresh of the topology names the gateway, or does not."""
        if not self._missing:
            self._missing_since = now
        self._missing = 0 if is_listed else self._missing + 1
        if self._missing < GONE_AFTER_REFRESHES or now - self._missing_since < GONE_AFTER:
            return None
        return GatewayUnlisted()

    def forgive(self) -> None:
        """The fault was not the gateway's: start counting anew."""
        self._failures = self._missing = 0

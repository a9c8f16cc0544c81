"""Connections that say nothing for longer than five minutes, after which Nym's own requester would close them.

`conftest` starts them before all other tests and runs these last, so that the waiting costs no time of its own.
"""

import pytest

from tests.apps.idlers import CHANNEL, Idlers
from tests.apps.programs import PATIENCE

SILENCE = 345.0  # seconds: more than five minutes and the half minute in which both ends look at their clocks


@pytest.mark.timeout(SILENCE + 120.0)
async def test_ssh_and_irc_are_alive_after_five_minutes_of_silence(idlers: Idlers) -> None:
    await idlers.wait_until(idlers.quiet_since + SILENCE)
    idlers.ssh.say("after the silence")
    await idlers.ssh.until("after the silence")
    idlers.alice.say(f"PRIVMSG {CHANNEL} :after the silence\r")
    await idlers.bob.wait_for(lambda: idlers.heard("after the silence"), PATIENCE, "words of alice")

"""A requester whose real name server is silent about some names: what that costs the senders of others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.command import ROOT
from tests.helpers.machines import apart, without_network

# Until the system gives a name up it takes ten seconds, and a requester fifteen.
AT_ONCE = 6.0


@pytest.mark.parametrize("senders", [1, 20, 100])
def test_a_live_name_is_reached_at_once_beside_a_hundred_dead_ones(tmp_path: Path, senders: int) -> None:
    configuration = tmp_path / "resolv.conf"
    configuration.write_text("nameserver 127.0.0.1\n")
    mount = 'mount --bind "$0" /etc/resolv.conf; exec "$@"'
    machine = [*without_network(), *apart("--mount"), "sh", "-ec", mount, str(configuration)]
    path = os.pathsep.join(str(ROOT / folder) for folder in (".", "proxy", "resources"))
    answer = subprocess.run(
        [*machine, sys.executable, "-m", "tests.helpers.silent_name_server", str(senders)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert answer.returncode == 0, answer.stderr
    assert float(answer.stdout) < AT_ONCE

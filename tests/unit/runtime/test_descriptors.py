"""The limit of descriptors is raised as far as the system lets us, and the last ones are told from the others."""

import subprocess
import sys

import pytest

from nymconnect.runtime import descriptors

SHOW = (
    "import resource; from nymconnect.runtime.descriptors import is_spare, raise_limit, room; raise_limit(); "
    "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE); "
    "print(soft, hard, room(), [number for number in range(soft + 1) if is_spare(number)][0])"
)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_the_soft_limit_becomes_the_hard_one_and_a_reserve_is_kept() -> None:
    few = ["sh", "-c", 'ulimit -S -n 100 && ulimit -H -n 200 && exec "$@"', "sh"]
    answer = subprocess.run([*few, sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, timeout=60)
    assert list(map(int, answer.stdout.split())) == [200, 200, 150, 150]


@pytest.mark.parametrize(("limit", "kept"), [(64, 32), (128, 32), (1024, 256), (20_000, 512), (1 << 20, 512)])
def test_the_reserve_is_a_quarter_within_bounds(limit: int, kept: int) -> None:
    assert descriptors.reserve(limit) == kept

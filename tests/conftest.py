"""The order of tests that run side by side, and that no case of a property is timed."""

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a machine that is busy makes any case slow
settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest come first, so that no process is left alone with one of them at the end."""
    if hasattr(config, "workerinput"):  # each process of pytest-xdist sorts, and all have to come to the same order
        items.sort(key=_time_limit, reverse=True)


def _time_limit(item: pytest.Item) -> float:
    """Seconds that a test has as its own limit, which only a long one needs."""
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark is not None else 0.0

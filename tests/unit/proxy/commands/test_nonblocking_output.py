"""Lines that are written by a thread, over real pipes: nothing waits for a reader."""

import fcntl
import io
import logging
import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from nymconnect_proxy.commands.nonblocking_output import AT_ONCE, MOST_TEXTS, LineOutlet, LogOutlet

LONG = "x" * 1000
PATIENCE = 10.0
Pipe = tuple[TextIO, TextIO]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Its reading and its writing end."""
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as reader, os.fdopen(writing, "w", encoding="utf-8") as writer:
        yield reader, writer


def dropped(lines: int) -> str:
    return f"dropped {lines}"


def read_until(reader: TextIO, last: str) -> list[str]:
    lines = []
    for line in reader:
        lines.append(line.rstrip("\n"))
        if lines[-1].startswith(last):
            return lines
    raise AssertionError("the pipe ended")


def test_lines_come_out_in_their_order(pipe: Pipe) -> None:
    reader, writer = pipe
    outlet = LineOutlet(writer, dropped)
    for number in range(50):
        outlet.line(f"line {number} – ü")
    assert outlet.flush(PATIENCE)
    assert read_until(reader, "line 49") == [f"line {number} – ü" for number in range(50)]


def test_a_full_pipe_holds_nobody_up_and_what_was_dropped_is_counted(pipe: Pipe) -> None:
    reader, writer = pipe
    outlet = LineOutlet(writer, dropped, most=100)
    for number in range(1000):  # a megabyte; the pipe takes 64 KiB
        outlet.line(f"{number} {LONG}")
    assert not outlet.flush(0.1)
    lines = read_until(reader, "dropped")
    written = [int(line.split()[0]) for line in lines[:-1]]
    assert written == sorted(written)
    assert len(written) + int(lines[-1].split()[1]) == 1000
    outlet.line("and on")
    assert read_until(reader, "and on") == ["and on"]


def test_a_pipe_that_does_not_block_is_tried_again(pipe: Pipe) -> None:
    reader, writer = pipe
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    outlet = LineOutlet(writer, dropped)
    for number in range(200):
        outlet.line(f"{number} {LONG}")
    assert len(read_until(reader, "199 ")) == 200


def test_a_reader_that_has_gone_is_no_reason_to_stop() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as writer:
        outlet = LineOutlet(writer, dropped)
        outlet.line("one")
        assert outlet.flush(PATIENCE)
        outlet.line("two")
        assert outlet.flush(PATIENCE)


def test_where_there_is_no_stream_lines_go_nowhere() -> None:
    outlet = LineOutlet(None, dropped)
    outlet.line("hello")
    assert outlet.flush(PATIENCE)
    handler = LogOutlet(None)
    handler.handle(logging.LogRecord("a", logging.ERROR, "a.py", 1, "hello", None, None))
    handler.flush()


def test_no_flood_of_one_failure_hides_another_of_the_same_place() -> None:
    stream = io.StringIO()
    handler = LogOutlet(stream)
    log = logging.Logger("tasks")
    log.addHandler(handler)
    for name in [*(["noisy"] * 1000), "quiet"]:
        log.error("task %s failed", name)
    assert handler.lines.flush(PATIENCE)
    assert stream.getvalue().splitlines() == [*(["task noisy failed"] * AT_ONCE), "task quiet failed"]


def test_failures_that_all_read_differently_are_bounded_too() -> None:
    stream = io.StringIO()
    handler = LogOutlet(stream)
    log = logging.Logger("tasks")
    log.addHandler(handler)
    for number in range(10 * MOST_TEXTS):
        log.error("task %d failed", number)
    assert handler.lines.flush(PATIENCE)
    assert len(stream.getvalue().splitlines()) == MOST_TEXTS + AT_ONCE
    assert len(handler._kinds) == MOST_TEXTS + 1


@pytest.mark.parametrize("by", ["minute", "end"])
def test_what_was_left_out_is_said_by_the_end_of_the_minute_or_of_the_program(
    monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr("nymconnect_proxy.commands.nonblocking_output.A_MINUTE", 0.5 if by == "minute" else 60.0)
    stream = io.StringIO()
    handler = LogOutlet(stream)
    log = logging.Logger("a stranger's")
    log.addHandler(handler)
    for number in range(AT_ONCE + 5):
        log.warning("knocked %d times", number)
    if by == "end":
        handler.flush()
    assert handler._minute is None or handler._minute.join(PATIENCE) is None
    assert handler.lines.flush(PATIENCE)
    assert stream.getvalue().splitlines()[AT_ONCE:] == ["knocked 14 times (and 4 like it that were left out)"]


def test_a_stream_in_memory_will_do() -> None:
    stream = io.StringIO()
    outlet = LineOutlet(stream, dropped)
    outlet.line("hello")
    assert outlet.flush(PATIENCE)
    assert stream.getvalue() == "hello\n"


def test_a_kind_of_line_comes_a_few_times_a_minute_and_the_next_says_how_many_were_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("nymconnect_proxy.commands.nonblocking_output.time.monotonic", lambda: now)
    stream = io.StringIO()
    handler = LogOutlet(stream)
    log = logging.Logger("a stranger's")
    log.addHandler(handler)

    def repeat(times: int) -> None:
        for number in range(times):
            log.warning("knocked %d times", number)

    repeat(1000)
    log.error("something else")
    log.error("arguments that do %s %s fit", "not")
    now = 61.0
    repeat(1)
    for _ in range(1000):
        log.debug("asked for")
    handler.flush()
    lines = stream.getvalue().splitlines()
    assert lines[: AT_ONCE + 1] == [*(f"knocked {number} times" for number in range(AT_ONCE)), "something else"]
    assert lines[AT_ONCE + 1] == "arguments that do %s %s fit"
    assert lines[AT_ONCE + 2] == "knocked 0 times (and 990 like it that were left out)"
    assert lines[AT_ONCE + 3 :] == ["asked for"] * 1000

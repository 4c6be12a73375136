"""How far long work has come, on a terminal and in a log."""

from __future__ import annotations

import io

import pytest

from ml_core.store.progress import ShownProgress, no_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class StopWatch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def run(stream: io.StringIO, steps: int, seconds_each: float) -> str:
    watch = StopWatch()
    progress = ShownProgress(stream, watch)
    for done in range(1, steps + 1):
        watch.seconds += seconds_each
        progress("predictions", done * 1000, steps * 1000)
    progress.close()
    return stream.getvalue()


def test_a_terminal_gets_one_line_that_is_written_over_about_once_a_second() -> None:
    written = run(Terminal(), steps=14, seconds_each=0.25)
    assert written.split("\r")[1:] == [f"predictions: {number},000 of 14,000" for number in (4, 8, 12)] + [
        "predictions: 14,000 of 14,000\n"
    ]


def test_a_log_gets_a_whole_line_now_and_then() -> None:
    lines = run(io.StringIO(), steps=40, seconds_each=1.0).splitlines()
    assert lines == [f"predictions: {number},000 of 40,000" for number in (10, 20, 30, 40)]


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_short_work_is_not_worth_a_line(stream: io.StringIO) -> None:
    assert run(stream, steps=5, seconds_each=0.01) == ""


def test_each_kind_ends_with_how_far_it_came_and_a_total_need_not_be_known() -> None:
    stream, watch = io.StringIO(), StopWatch()
    progress = ShownProgress(stream, watch)
    for kind, total in (("files", 9), ("rows", None)):
        for done in (1, 2):
            watch.seconds += 20
            progress(kind, done, total)
        progress(kind, 3, total)
    progress.close()
    progress.close()
    assert stream.getvalue().splitlines() == [
        "files: 1 of 9",
        "files: 2 of 9",
        "files: 3 of 9",
        "rows: 2",
        "rows: 3",
    ]


def test_a_shorter_line_leaves_nothing_of_a_longer_one() -> None:
    stream, watch = Terminal(), StopWatch()
    progress = ShownProgress(stream, watch)
    for total in (1_000_000, 10):
        watch.seconds += 2
        progress("rows", 1, total)
    assert stream.getvalue().split("\r")[2] == "rows: 1 of 10".ljust(len("rows: 1 of 1,000,000"))


def test_nobody_may_be_told() -> None:
    no_progress("rows", 1, None)

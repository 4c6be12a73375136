"""Log lines: one each, with the id of the request."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from ml_core import logs

log = logging.getLogger("suite.part")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def request_id() -> Iterator[str]:
    token = logs.current_id.set("request-1")
    yield "request-1"
    logs.current_id.reset(token)


def test_a_line_tells_time_level_request_and_source(capsys: pytest.CaptureFixture[str], request_id: str) -> None:
    logs.configure("INFO")
    log.info("stored %d rows", 3)
    line = capsys.readouterr().err
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO \[request-1\] suite\.part: stored 3 rows\n", line)


def test_a_line_outside_any_request_has_a_dash_for_the_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    log.warning("up")
    assert " WARNING [-] suite.part: up\n" in capsys.readouterr().err


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING")
    log.info("small talk")
    log.warning("news")
    err = capsys.readouterr().err
    assert "news" in err
    assert "small talk" not in err


def test_configuring_twice_does_not_write_lines_twice(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.configure("INFO")
    log.info("once")
    assert capsys.readouterr().err.count("once") == 1


@pytest.mark.parametrize("separator", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_no_message_can_begin_a_line_of_its_own(capsys: pytest.CaptureFixture[str], separator: str) -> None:
    logs.configure("INFO")
    log.info("GET %s", f"/a{separator}2026-11-20T12:00:00.000Z INFO [forged] suite: all is well")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_no_message_can_command_the_terminal_that_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    log.info("GET %s", "/\x1b[2J\x9b2J\x07é")
    err = capsys.readouterr().err
    assert err.endswith("GET /\\x1b[2J\\x9b2J\\x07é\n")


def test_a_traceback_follows_its_line_and_no_text_in_it_can_pass_for_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO")
    try:
        raise ValueError("bad\n2026-11-20T12:00:00.000Z INFO [forged] suite: all is well\x1b[2J")
    except ValueError:
        log.exception("failed")
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith("ERROR [-] suite.part: failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)
    assert not any("\x1b" in line for line in rest)

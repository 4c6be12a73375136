"""Which clock a process goes by, and a clock that all processes of a replay share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.clock import Clock
from ml_core.clocks import FileClock, clock_of, set_clock_file
from ml_core.errors import ConfigurationError
from ml_core.settings import Settings
from tests.factories import NOON

DAY = timedelta(days=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clock"
    set_clock_file(path, NOON)
    return path


def test_the_clock_of_a_file_stands_until_the_file_says_another_time(file: Path) -> None:
    clocks = FileClock(file), FileClock(file)
    assert [clock.now() for clock in (*clocks, *clocks)] == [NOON] * 4
    set_clock_file(file, NOON + DAY)
    assert [clock.now() for clock in clocks] == [NOON + DAY] * 2


def test_a_time_may_be_written_by_hand_in_any_offset(file: Path) -> None:
    file.write_text(" 2026-11-20T13:00:00+01:00\n")
    assert FileClock(file).now() == NOON


@pytest.mark.parametrize("text", ["", "noon", "2026-11-20T12:00:00", "1795262400"])
def test_a_file_without_a_time_is_refused_when_the_clock_is_made_and_when_it_is_asked(file: Path, text: str) -> None:
    clock = FileClock(file)
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"clock_file: .*clock holds no time: expected a"):
        clock.now()
    with pytest.raises(ConfigurationError, match=r"clock_file: .*clock holds no time"):
        FileClock(file)


def test_a_file_that_is_not_there_or_not_text_is_refused_in_the_same_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"clock_file: .*nowhere holds no time: .*No such file"):
        FileClock(tmp_path / "nowhere")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"clock_file: .*bytes holds no time"):
        FileClock(tmp_path / "bytes")


def test_the_settings_say_which_clock_it_is(file: Path) -> None:
    assert clock_of(Settings(clock_file=str(file), clock_offset=DAY)).now() == NOON
    plain = clock_of(Settings(clock_offset=-DAY))
    assert type(plain) is Clock and plain.offset == -DAY
    with pytest.raises(ConfigurationError, match="clock_file"):
        clock_of(Settings(clock_file=str(file.parent / "nowhere")))

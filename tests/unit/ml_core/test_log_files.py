"""The log files of the first system: its names, form and sizes, written by any number of processes."""

from __future__ import annotations

import logging
import multiprocessing
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_core import logs
from ml_core.log_files import kept_in_files

log = logging.getLogger("suite.part")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def write_many(folder: Path, name: str) -> None:
    logging.getLogger().setLevel("INFO")
    with kept_in_files(folder, bytes_each=4_000):
        for number in range(100):
            log.info("%s %03d %s", name, number, "x" * 40)


def test_a_line_has_level_utc_time_and_place_in_the_first_systems_form(tmp_path: Path) -> None:
    logs.configure("INFO")
    with kept_in_files(tmp_path / "made" / "here"):
        log.info("stored %d rows", 3)
    (line,) = lines(tmp_path / "made" / "here" / "info.log")
    place = r"\[test_log_files\.py:test_a_line_has_level_utc_time_and_place_in_the_first_systems_form:\d+\]"
    assert re.fullmatch(rf"INFO \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} {place} stored 3 rows", line)


def test_times_are_utc_wherever_the_machine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Africa/Johannesburg")
    time.tzset()
    record = logging.LogRecord("suite", logging.INFO, "part.py", 7, "up", None, None, "start")
    record.created = 1_795_176_000.005  # 2026-11-20T12:00:00.005Z
    logging.getLogger().setLevel("INFO")
    with kept_in_files(tmp_path):
        logging.getLogger().handle(record)
    monkeypatch.undo()
    time.tzset()
    assert lines(tmp_path / "info.log") == ["INFO 2026-11-20 12:00:00,005 [part.py:start:7] up"]


def test_each_file_has_its_levels_and_one_setting_decides(tmp_path: Path) -> None:
    for level, expected in (("INFO", {"info": 2, "error": 1}), ("DEBUG", {"info": 2, "error": 1, "debug": 3})):
        logs.configure(level)
        with kept_in_files(tmp_path / level):
            log.debug("detail")
            log.info("news")
            log.error("trouble")
        log.error("said after the block")
        found = {path.stem: len(lines(path)) for path in (tmp_path / level).glob("*.log")}
        assert found == expected


def test_a_file_that_is_full_moves_on_and_the_eleventh_is_forgotten(tmp_path: Path) -> None:
    logs.configure("INFO")
    with kept_in_files(tmp_path, bytes_each=200):
        for number in range(40):
            log.info("%02d %s", number, "x" * 60)
    files = sorted(path.name for path in tmp_path.glob("info.log*"))
    assert files == sorted(["info.log", *(f"info.log.{number}" for number in range(1, 11))])
    assert lines(tmp_path / "info.log")[-1].split()[-2] == "39"
    assert all(path.stat().st_size <= 200 for path in tmp_path.glob("info.log*"))


def test_processes_that_write_at_once_lose_no_line_and_tear_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, name)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    kept = [line for path in tmp_path.glob("info.log*") for line in lines(path)]
    assert all(line.endswith("x" * 40) for line in kept)
    said = [tuple(line.split()[-3:-1]) for line in kept]
    assert len(said) == len(set(said))
    for name in ("one", "two"):
        numbers = sorted(int(number) for who, number in said if who == name)
        assert numbers == list(range(numbers[0], 100))  # only whole old files are gone


def test_a_traceback_and_a_forged_line_stay_below_their_own_line(tmp_path: Path) -> None:
    logs.configure("INFO")
    with kept_in_files(tmp_path):
        try:
            raise ValueError("bad\nERROR 2026-11-20 12:00:00,000 [a.py:b:1] forged")
        except ValueError:
            log.exception("failed\nINFO forged")
    first, *rest = lines(tmp_path / "error.log")
    assert first.endswith(r"failed\nINFO forged")
    assert rest and all(line.startswith("    ") for line in rest)


def test_a_folder_that_cannot_be_written_is_told_once_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    logging.getLogger().setLevel("INFO")
    with kept_in_files(tmp_path / "taken"):
        log.info("one")
        log.info("two")
    assert capsys.readouterr().err.count("no more lines in") == 1

"""Units as systemd itself reads them, where it is there; a strict look at their lines in any case."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_core.jobs.__main__ import main
from ml_core.jobs.cron_block import Place
from ml_core.jobs.cron_times import parse_cron
from ml_core.jobs.suite_jobs import SUITE_JOBS
from ml_core.jobs.systemd_units import calendar, units
from ml_core.jobs.wanted_jobs import called_jobs

KEYS = {
    "Unit": {"Description", "Wants", "PartOf"},
    "Install": {"WantedBy"},
    "Service": {"Type", "WorkingDirectory", "Environment", "ExecStart", "SuccessExitStatus"},
    "Timer": {"Unit", "OnCalendar", "AccuracySec", "Persistent"},
}
SYSTEMD = shutil.which("systemd-analyze")


def checked_lines(text: str) -> list[tuple[str, str]]:
    """Return keys and values; each line must be empty, a comment, a section or a known key of its section."""
    section, found = "", []
    for line in text.splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = heading[1]
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals and value and key in KEYS[section], line
            found.append((key, value))
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("*/20 * * * *", ["*-*-* *:00,20,40:00"]),
        ("* * * * *", ["*-*-* *:*:00"]),
        ("7 */12 * * *", ["*-*-* 00,12:07:00"]),
        ("0 5 * * 1", ["Mon *-*-* 05:00:00"]),
        ("0 5 * * 7", ["Sun *-*-* 05:00:00"]),
        ("0 5 1 2 *", ["*-02-01 05:00:00"]),
        ("0 5 1 * 1-2", ["*-*-01 05:00:00", "Mon,Tue *-*-* 05:00:00"]),
        ("0 5 */10 * 1", ["Mon *-*-01,11,21,31 05:00:00"]),
    ],
)
def test_times_of_cron_become_those_of_systemd(fields: str, expected: list[str]) -> None:
    assert calendar(parse_cron(fields)) == expected


@pytest.mark.skipif(SYSTEMD is None, reason="needs systemd-analyze")
def test_systemd_sees_the_next_calls_where_cron_would() -> None:
    start = datetime(2026, 11, 28, 21, 58, 30, tzinfo=UTC)
    for fields in {job.fields for job in SUITE_JOBS.values()} | {"0 5 */10 2 1"}:
        times = parse_cron(fields)
        told = subprocess.run(
            [
                str(SYSTEMD),
                "calendar",
                "--iterations=2",
                f"--base-time={start:%Y-%m-%d %H:%M:%S} UTC",
                *calendar(times),
            ],
            env={"TZ": "UTC", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        elapsed = re.findall(r"(?:elapse|#2): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d):00 UTC", told)
        first = times.next_after(start, UTC)
        assert first is not None
        second = times.next_after(first, UTC)
        assert second is not None
        assert elapsed == [f"{time:%Y-%m-%d %H:%M}" for time in (first, second)], fields


def test_each_job_has_a_timer_that_starts_it_by_name_and_the_target_wants_them_all() -> None:
    place = Place(Path("/srv/a b"), Path("/srv/a b/python"), Path("/srv/a b/log"), {"ML_CONFIG": "/srv/100%"})
    jobs = called_jobs(SUITE_JOBS.values())
    found = {name: checked_lines(text) for name, text in units(jobs, place).items()}
    wanted = [value for key, value in found.pop("ml-suite.target") if key == "Wants"]
    service = dict(found.pop("ml-suite@.service"))
    assert service["WorkingDirectory"] == "/srv/a b"
    assert service["Environment"] == '"ML_CONFIG=/srv/100%%"'
    assert service["ExecStart"] == '"/srv/a b/python" -m ml_core.jobs start %i'
    assert wanted == list(found)
    assert [dict(lines)["Unit"] for lines in found.values()] == [f"ml-suite@{job.name}.service" for job in jobs]


def test_units_are_written_as_systemd_takes_them_and_those_of_jobs_that_are_off_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "the units"
    written = CliRunner().invoke(main, ["write-units", str(folder)])
    assert written.exit_code == 0, written.output
    assert len(list(folder.iterdir())) == len(SUITE_JOBS) + 3
    for path in folder.iterdir():
        assert checked_lines(path.read_text())
        if SYSTEMD:
            verified = subprocess.run(
                [SYSTEMD, "verify", "--user", "--man=no", str(path)],
                env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
                capture_output=True,
                text=True,
            )
            assert (verified.returncode, verified.stderr) == (0, "")
    monkeypatch.setenv("ML_JOBS__OFF", "store-backup")
    assert CliRunner().invoke(main, ["write-units", str(folder)]).exit_code == 0
    assert not (folder / "ml-suite-store-backup.timer").exists()
    assert "store-backup" not in (folder / "ml-suite.target").read_text()


def test_units_for_a_folder_that_cannot_be_made_are_refused_in_one_line() -> None:
    refused = CliRunner().invoke(main, ["write-units", "/proc/none"])
    assert refused.exit_code == 1
    assert refused.stderr == "error: FOLDER: cannot write /proc/none: No such file or directory\n"

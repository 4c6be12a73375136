from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.errors import ConfigurationError
from ml_core.jobs.cron_block import Place, cron_block, cron_lines, has_block, parts_of, with_block
from ml_core.jobs.known_jobs import parse_crontab
from ml_core.jobs.suite_jobs import SUITE_JOBS

ROOT = Path("/srv/suite")
MINE = b"MAILTO=me\n# caf\xe9\n*/5 * * * *  date +\\%F >>x\n"
BLOCK = cron_block(["# a: b", "* * * * * true"], ROOT)


def place(root: str = "/srv/suite", **variables: str) -> Place:
    return Place(Path(root), Path(root) / ".venv/bin/python", Path(root) / "var/log", variables)


def line_of(name: str, where: Place) -> str:
    return cron_lines([SUITE_JOBS[name]], where)[1]


def test_a_job_is_its_name_and_purpose_above_its_call() -> None:
    assert cron_lines([SUITE_JOBS["monitor-check"]], place()) == [
        "# monitor-check: judge what is new since the last check, and tell of alerts",
        "*/5 * * * *    cd /srv/suite && .venv/bin/python -m ml_monitor check >>var/log/monitor-check.log 2>&1",
    ]


def test_variables_go_before_the_command_and_hold_for_it_alone() -> None:
    line = line_of("monitor-check", place(ML_CONFIG="/etc/my suite.yaml"))
    assert "&& ML_CONFIG='/etc/my suite.yaml' .venv/bin/python -m ml_monitor check >>" in line


def test_spaces_are_quoted_and_percents_escaped() -> None:
    line = line_of("monitor-check", place("/srv/the 100% suite"))
    assert r"cd '/srv/the 100\% suite' && .venv/bin/python" in line


def test_paths_outside_the_folder_are_whole() -> None:
    where = Place(ROOT, Path("/opt/python"), Path("/var/log/my suite"))
    assert line_of("monitor-check", where).endswith(
        "&& /opt/python -m ml_monitor check >>'/var/log/my suite/monitor-check.log' 2>&1"
    )


def test_what_the_dashboard_reads_of_the_lines_is_the_table() -> None:
    read = parse_crontab("\n".join(cron_lines(SUITE_JOBS.values(), place("/srv/a b", ML_CONFIG="/c d"))))
    assert [(job.name, job.module, job.arguments, job.fields) for job in read.values()] == [
        (job.name, job.module, job.arguments, job.fields) for job in SUITE_JOBS.values()
    ]


def test_a_folder_that_no_crontab_can_hold_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot hold such characters"):
        place("/srv/two\nlines")
    with pytest.raises(ConfigurationError, match="the line of monitor-check is too long for cron"):
        line_of("monitor-check", place("/" + "x" * 1000))


def test_a_block_comes_after_all_else_and_goes_without_a_trace() -> None:
    written = with_block(MINE, BLOCK, ROOT)
    assert written == MINE + BLOCK
    assert has_block(written, ROOT) and not has_block(MINE, ROOT)
    assert parts_of(written, ROOT) == (MINE, BLOCK, b"")


def test_a_block_is_renewed_where_it_is() -> None:
    newer = cron_block(["# c: d"], ROOT)
    assert with_block(MINE + BLOCK + MINE, newer, ROOT) == MINE + newer + MINE
    assert with_block(MINE + BLOCK, BLOCK, ROOT) == MINE + BLOCK


def test_an_unended_line_stays_a_line() -> None:
    assert with_block(b"0 3 * * * true", BLOCK, ROOT) == b"0 3 * * * true\n" + BLOCK


def test_the_block_of_another_folder_is_anothers() -> None:
    other = cron_block(["# a: b"], Path("/srv/suite/old"))
    assert parts_of(other, ROOT) == (other, b"", b"")


@pytest.mark.parametrize(
    "damaged",
    [
        BLOCK + BLOCK,
        BLOCK.splitlines(keepends=True)[0],
        BLOCK.splitlines(keepends=True)[-1],
        b"".join(reversed(BLOCK.splitlines(keepends=True))),
    ],
)
def test_damaged_marks_are_refused_and_named(damaged: bytes) -> None:
    with pytest.raises(ConfigurationError, match="# >>> jobs of /srv/suite >>>"):
        with_block(MINE + damaged, BLOCK, ROOT)

"""The block of jobs in a real crontab: shown, written once, renewed in place, and gone without a trace."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ml_core.config import project_root
from ml_core.jobs.known_jobs import parse_crontab
from ml_core.jobs.suite_jobs import SUITE_JOBS
from tests.e2e.cron import in_private_spool

BEFORE = 'MAILTO=""\n# caf\u00e9, and a tab\there\n0 3 * * *  date +\\%F >>"$HOME/x"\n\n'
SCRIPT = """
folder=$1; python=$2
crontab "$folder/before"
"$python" -m ml_core.jobs install-cron --yes && crontab -l >"$folder/first"
"$python" -m ml_core.jobs install-cron --yes && crontab -l >"$folder/again"
echo '5 4 * * * true' >>"$folder/again"; crontab "$folder/again"
ML_JOBS__OFF=store-backup "$python" -m ml_core.jobs install-cron --yes && crontab -l >"$folder/renewed"
"$python" -m ml_core.jobs remove-cron </dev/null && crontab -l >"$folder/asked"
"$python" -m ml_core.jobs remove-cron --yes && crontab -l >"$folder/removed"
"$python" -m ml_core.jobs remove-cron --yes
crontab -r
"$python" -m ml_core.jobs install-cron --yes >/dev/null && "$python" -m ml_core.jobs remove-cron --yes >/dev/null
crontab -l 2>&1 || true
"""


def test_the_block_is_written_once_renewed_in_place_and_removed_whole(tmp_path: Path) -> None:
    (tmp_path / "before").write_text(BEFORE)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    own = {"ML_CONFIG": str(tmp_path / "my settings.yaml"), "ML_LOG_FOLDER": str(tmp_path / "log")}
    (tmp_path / "my settings.yaml").write_text("log_level: WARNING\n")
    told = in_private_spool(SCRIPT, str(tmp_path), sys.executable, environment=inherited | own)
    content = {name: (tmp_path / name).read_text() for name in ("first", "again", "renewed", "asked", "removed")}

    assert content["first"].startswith(BEFORE)
    block = content["first"].removeprefix(BEFORE)
    assert block in told  # it was shown
    assert list(parse_crontab(block)) == list(SUITE_JOBS)
    assert f"cd {project_root()} && ML_CONFIG='{tmp_path}/my settings.yaml' " in block
    assert content["again"] == content["first"] + "5 4 * * * true\n"
    assert "your crontab has this block already" in told
    assert content["renewed"].startswith(BEFORE) and content["renewed"].endswith("5 4 * * * true\n")
    assert "store-backup" not in content["renewed"]
    assert content["asked"] == content["renewed"]  # there was nobody to ask
    assert content["removed"] == BEFORE + "5 4 * * * true\n"
    assert "your crontab has no block of these jobs" in told
    assert told.rstrip().endswith("no crontab for root")
    assert (tmp_path / "log").is_dir()


def test_a_shell_with_settings_of_its_own_is_told_that_the_jobs_lack_them(tmp_path: Path) -> None:
    own = {**os.environ, "ML_STORE_URL": "json:///var/x", "ML_MAIL__PASSWORD_FILE": str(tmp_path / "secret")}
    (tmp_path / "secret").write_text("hush")
    told = in_private_spool('exec 2>&1; "$1" -m ml_core.jobs install-cron', sys.executable, environment=own)
    assert "the jobs will not have ML_STORE_URL of this shell" in told.replace("\n", " ")
    assert f"ML_MAIL__PASSWORD_FILE={tmp_path}/secret " in told
    assert "var/x" not in told and "hush" not in told
    assert "nothing was changed: there is nobody to ask here" in told

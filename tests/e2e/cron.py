"""A real cron daemon with one crontab of a test's own; no file of the system is touched."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tools import tool

# In a mount namespace of its own the daemon sees one crontab, and its pid file and its log-in rules are its own too.
_SCRIPT = """
set -e
mount -t tmpfs none /var/spool && mkdir -p /var/spool/cron/crontabs
mount -t tmpfs none /run
[ ! -d /etc/cron.d ] || mount -t tmpfs none /etc/cron.d
[ ! -e /etc/crontab ] || mount --bind /dev/null /etc/crontab
mount -t tmpfs none /etc/pam.d
for kind in account auth session; do echo "$kind required pam_permit.so"; done >/etc/pam.d/cron
cp "$1" /var/spool/cron/crontabs/root && chmod 600 /var/spool/cron/crontabs/root
exec "$2" -f
"""


@contextmanager
def every_minute(folder: Path, command: str, environment: Mapping[str, str]) -> Iterator[Path]:
    """Let cron run a command each minute until the block ends; yields the file that holds what the command printed."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give cron folders of its own")
    output, script, crontab = folder / "cron.out", folder / "cron.sh", folder / "crontab"
    settings = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    script.write_text(f"{''.join(settings)}exec >>{shlex.quote(str(output))} 2>&1\n{command}\n")
    crontab.write_text(f"* * * * * /bin/sh {script}\n")
    daemon = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SCRIPT, "cron", str(crontab), tool("cron")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield output
        assert daemon.poll() is None, daemon.stdout.read() if daemon.stdout else ""
    finally:
        daemon.terminate()
        daemon.communicate(timeout=20)

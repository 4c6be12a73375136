"""Runs commands again and again without starting Python anew: ``python -m ml_core.jobs.command_process``.

For who calls a command many times, such as a replay that goes through weeks. Each call is what ``python -m PACKAGE``
would be, from its arguments to its code, with settings and store opened anew; only what was imported stays. Requests
come over standard input and are answered on standard output (``worker.messages``), until the input ends.
"""

from __future__ import annotations

import io
import os
import runpy
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from ml_core.worker.messages import read_message, write_message


def call(package: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Return what a command ended with and wrote: ``code``, ``output`` and ``errors``."""
    output, errors = io.StringIO(), io.StringIO()
    code: object = 0
    before = sys.argv
    sys.argv = [package, *arguments]
    try:
        with redirect_stdout(output), redirect_stderr(errors):
            try:
                runpy.run_module(package, run_name="__main__", alter_sys=True)
            except SystemExit as ended:
                code = ended.code
            except Exception:  # as Python does at the end of a process: the trace, and 1
                traceback.print_exc()
                code = 1
    finally:
        sys.argv = before
    if isinstance(code, str):
        errors.write(f"{code}\n")
    number = code if isinstance(code, int) else 0 if code is None else 1
    return {"code": number, "output": output.getvalue(), "errors": errors.getvalue()}


def main() -> None:
    """Answer requests, each a package and its arguments, until the input ends."""
    # Libraries print to standard output; a duplicate keeps the pipe clean and sends their lines to the log.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while (request := read_message(sys.stdin.buffer)) is not None:
        package, *arguments = request
        write_message(answers, call(package, arguments))


if __name__ == "__main__":
    main()

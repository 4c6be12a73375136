"""Errors on the command line."""

from __future__ import annotations

import pytest

from ml_core.commands import plain_errors
from ml_core.errors import ConfigurationError, StoreUnavailable, SuiteError


@pytest.mark.parametrize("error", [ConfigurationError("port is taken"), StoreUnavailable("the disk is full")])
def test_an_error_of_ours_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str], error: SuiteError) -> None:
    with pytest.raises(SystemExit) as caught, plain_errors():
        raise error
    assert caught.value.code == 1
    output = capsys.readouterr()
    assert output.err == f"error: {error.message}\n"
    assert output.out == ""


def test_any_other_error_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), plain_errors():
        raise ZeroDivisionError


def test_without_an_error_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with plain_errors():
        pass
    assert capsys.readouterr() == ("", "")

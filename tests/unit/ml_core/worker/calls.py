"""What the worker is asked to call in tests."""

from __future__ import annotations

import time
from typing import Any

from ml_core.errors import FieldError, InvalidInput, MalformedBody, SuiteError


def add(left: int, right: int) -> dict[str, Any]:
    return {"sum": left + right}


def refuse(field: str) -> None:
    raise InvalidInput(f"{field}: expected better", [FieldError(field, "expected better")])


def refuse_body() -> None:
    raise MalformedBody("the body is no good")


def give_up() -> None:
    raise SuiteError("it cannot be done")


def stumble() -> None:
    raise ZeroDivisionError("secret")


def dawdle() -> None:
    time.sleep(60)

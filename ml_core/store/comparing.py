"""Compares the models of two stores before one is copied into the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from ml_core.errors import Conflict
from ml_core.records import Model
from ml_core.store.base import Store

_SHOWN = 5
_SHOWN_CHARACTERS = 60


def check_models(source: Store, target: Store) -> None:
    """Return if all models and versions of ``source`` could be put into ``target``; raise ``Conflict`` that names some.

    What the target holds must be equal, or the beginning of what the source holds: the rest is then to be copied.
    """
    found = list(_differences(source, target))
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise Conflict(f"nothing was copied, since the target differs: {'; '.join(found[:_SHOWN])}{more}")


def _differences(source: Store, target: Store) -> Iterator[str]:
    there = {model.name: model for model in target.list_models()}
    for model in source.list_models():
        for other in there.values():
            if other.name != model.name and model.seed_id is not None and other.seed_id == model.seed_id:
                yield f"the seed id {model.seed_id!r} of model {model.name!r} is that of model {other.name!r} there"
        if model.name in there:
            yield from _model_differences(model, there[model.name])
            yield from _version_differences(model.name, source, target)


def _model_differences(model: Model, other: Model) -> Iterator[str]:
    for name in ("title", "task", "created_time", "seed_id", "headline_metric"):
        yield from _difference(f"model {model.name!r}", name, getattr(model, name), getattr(other, name))
    if not _is_beginning(other.stage_changes, model.stage_changes):
        yield f"model {model.name!r}: its stage changes are not those of the source"


def _version_differences(model: str, source: Store, target: Store) -> Iterator[str]:
    versions, others = source.list_versions(model), target.list_versions(model)
    for version, other in zip(versions, others, strict=False):
        for each in fields(version):
            where = f"version {version.number} of model {model!r}"
            yield from _difference(where, each.name, getattr(version, each.name), getattr(other, each.name))
    if len(others) > len(versions):
        yield f"model {model!r}: it has {len(others)} versions there, {len(versions)} here"


def _difference(where: str, name: str, value: Any, other: Any) -> Iterator[str]:
    if value != other:
        yield f"{where}: {name} is {_show(other)} there, {_show(value)} here"


def _is_beginning(some: Sequence[Any], whole: Sequence[Any]) -> bool:
    return len(some) <= len(whole) and list(whole[: len(some)]) == list(some)


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."

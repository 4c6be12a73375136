"""``python -m ml_monitor rules list | apply FILE | export``: the alert rules as a YAML file under version control.

A file is read and checked as a whole, and what it would change is shown, before anything is changed. Rules that it does
not name are left alone unless ``--prune`` is given.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson
import yaml

from ml_core.commands import LazyGroup, plain_errors
from ml_core.config import load_settings
from ml_core.errors import FieldError, InvalidInput
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from ml_monitor.alerting.rules import KIND, AlertRule, delete_rule, list_rules, put_rule, read_rule


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a file would do: rules by name, and of the changed ones each field with its old and new value."""

    added: tuple[AlertRule, ...]
    changed: Mapping[str, Mapping[str, tuple[Any, Any]]]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.added or self.changed or self.removed)

    def lines(self) -> list[str]:
        """Return the plan for people to read."""
        shown = [f"+ {rule.name}: {_flow(_given(rule))}" for rule in self.added]
        for name, fields in self.changed.items():
            shown.append(f"~ {name}")
            shown += [f"    {field}: {_flow(old)} -> {_flow(new)}" for field, (old, new) in fields.items()]
        shown += [f"- {name}" for name in self.removed]
        counts = f"{len(self.added)} added, {len(self.changed)} changed, {len(self.removed)} removed"
        return [*shown, f"{counts}, {len(self.unchanged)} unchanged"]


@click.group(cls=LazyGroup)
def rules() -> None:
    """The alert rules."""


@rules.command("list")
def list_them() -> None:
    """Show each rule in a line, the default ones among them."""
    with _opened() as store:
        stored = _stored(store)
        for rule in list_rules(store):
            kind = "stored" if rule.name in stored else "default"
            state = "" if rule.enabled else ", disabled"
            watched = f"{rule.watches} of {'all models' if rule.model == '*' else rule.model}"
            click.echo(f"{rule.name:<24} {kind:<8} {rule.severity:<9} {watched}, {rule.fires_on}{state}")


@rules.command()
def export() -> None:
    """Write all rules as YAML to standard output, in the form that apply takes."""
    with _opened() as store:
        content = {"rules": [rule.to_dict() for rule in list_rules(store)]}
        click.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)


@rules.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--prune", is_flag=True, help="Also remove stored rules that the file does not name.")
def apply(file: Path, yes: bool, prune: bool) -> None:
    """Make the rules those of FILE, after showing what changes.

    Asks before it changes anything. Without a terminal to ask on, and without --yes, it only shows what it would do.
    """
    with _opened() as store:
        wanted = read_rules(file)
        plan = make_plan(wanted, list_rules(store), _stored(store) if prune else frozenset())
        click.echo("\n".join(plan.lines()))
        if plan.is_empty:
            return
        if not yes and not sys.stdin.isatty():
            click.echo("nothing was changed: there is nobody to ask here; --yes applies it")
            return
        if not yes and not click.confirm("Apply?"):
            click.echo("nothing was changed")
            return
        touched = {rule.name for rule in plan.added} | set(plan.changed)
        for rule in wanted:
            if rule.name in touched:
                put_rule(store, rule)
        for name in plan.removed:
            delete_rule(store, name)
        click.echo("done")


def read_rules(file: Path) -> list[AlertRule]:
    """Return the rules of a YAML file; raise ``InvalidInput`` that names every field that is wrong."""
    content = _read_yaml(file)
    if not isinstance(content, Mapping) or set(content) != {"rules"} or not isinstance(content["rules"], list):
        raise _refused("rules", f"expected one key, rules, with a list, in {file}")
    found: list[AlertRule] = []
    problems: list[FieldError] = []
    for index, values in enumerate(content["rules"]):
        where = f"rules[{index}]"
        try:
            rule = read_rule(values, where)
        except InvalidInput as error:
            problems += error.details
            continue
        if any(rule.name == other.name for other in found):
            problems.append(FieldError(f"{where}.name", f"{rule.name!r} is there twice"))
        found.append(rule)
    if problems:
        lines = "\n".join(f"  {problem.field}: {problem.message}" for problem in problems)
        raise InvalidInput(f"{file} was not applied:\n{lines}", problems)
    return found


def make_plan(wanted: Sequence[AlertRule], present: Sequence[AlertRule], prunable: frozenset[str]) -> Plan:
    """Return what makes the rules that are there those that are wanted; of the others ``prunable`` ones go."""
    before = {rule.name: rule for rule in present}
    changed: dict[str, dict[str, tuple[Any, Any]]] = {}
    for rule in wanted:
        if rule.name in before and rule != before[rule.name]:
            old, new = before[rule.name].to_dict(), rule.to_dict()
            changed[rule.name] = {field: (old[field], new[field]) for field in new if old[field] != new[field]}
    return Plan(
        added=tuple(rule for rule in wanted if rule.name not in before),
        changed=changed,
        unchanged=tuple(rule.name for rule in wanted if before.get(rule.name) == rule),
        removed=tuple(sorted(prunable - {rule.name for rule in wanted})),
    )


def _read_yaml(file: Path) -> Any:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused("file", f"cannot read {file}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or a date that does not exist
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise _refused("file", f"{file} is not YAML{where}") from None
    try:
        orjson.dumps(content, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as error:  # half a character, or an alias that holds itself
        raise _refused("file", f"{file} holds what no rule can: {error}") from None
    return content


def _refused(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, [FieldError(field, message)])


def _given(rule: AlertRule) -> dict[str, Any]:
    """Return what differs from a rule's defaults: the rest need not be read."""
    values = rule.to_dict()
    return {name: values[name] for name in rule.model_dump(mode="json", exclude_defaults=True) if name != "name"}


def _flow(value: Any) -> str:
    return orjson.dumps(value).decode()


def _stored(store: Store) -> frozenset[str]:
    return frozenset(document.key for document in store.list_documents(KIND))


@contextmanager
def _opened() -> Iterator[Store]:
    with plain_errors():
        store = open_store(load_settings().store_url.get_secret_value())
        try:
            yield store
        finally:
            store.close()

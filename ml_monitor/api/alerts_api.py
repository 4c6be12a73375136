"""The JSON addresses of alerts, of the rules that make them, and of the channels that tell of them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Response, current_app, jsonify
from pydantic import BaseModel, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from ml_core.clock import format_time, parse_time
from ml_core.registry import Registry
from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.shapes import Body, NameField, TimeField
from ml_monitor.alerting.alert_book import Alert, get_alert, list_alerts
from ml_monitor.alerting.channels import CHANNELS, list_channels, set_up_channels
from ml_monitor.alerting.responding import acknowledge_alert, lift_alert_silence, silence_alert
from ml_monitor.alerting.rules import (
    KIND,
    AlertRule,
    RuleContent,
    delete_rule,
    list_rules,
    put_rule,
    refusal,
)
from ml_monitor.monitoring.alerts.plain import state_to_dict
from ml_monitor.monitoring.alerts.states import ALL_MODELS, ShownStatus

_UNUSED: dict[str, Any] = {
    "channel": None,
    "is_set_up": None,
    "state": "unused",
    "since_time": None,
    "last_success_time": None,
    "last_error": None,
    "last_error_time": None,
}
blueprint = create_api_blueprint("alerts", __name__, "Alerts, their rules and their channels")


class AlertsQuery(BaseModel):
    """Which alerts."""

    state: ShownStatus | None = None
    model: str | None = Field(None, description="name or seed id; * for alerts on what all models share")


class AlertPath(BaseModel):
    """Which alert."""

    alert_id: str


class RulePath(BaseModel):
    """Which rule."""

    name: NameField


class AcknowledgementBody(Body):
    """Who has taken up the alert."""

    author: str = Field(min_length=1, max_length=100)
    note: str = Field("", max_length=2000)


class SilenceBody(AcknowledgementBody):
    """Who wants to hear nothing of the alert, and until when."""

    until_time: TimeField


class RuleBody(RuleContent):
    """A rule without its name."""

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, values: Any, handler: ModelWrapValidatorHandler[RuleBody]) -> RuleBody:
        try:
            return handler(values)
        except ValidationError as error:
            raise refusal(error) from None  # which names fields as they were sent


@blueprint.get("/alerts", summary="All alerts, of one state or model")
def show_alerts(query: AlertsQuery) -> Response:
    registry, now = _registry(), _now()
    model = query.model
    if model not in (None, ALL_MODELS):
        model = registry.find(str(model)).name
    found = [
        alert
        for alert in list_alerts(registry.store)
        if model in (None, alert.state.key.model) and query.state in (None, alert.state.shown_status(now))
    ]
    return jsonify({"alerts": [_alert_json(alert, now) for alert in found]})


@blueprint.get("/alerts/<alert_id>", summary="One alert, with its history")
def show_alert(path: AlertPath) -> Response:
    return _with_history(get_alert(_registry().store, path.alert_id))


@blueprint.post("/alerts/<alert_id>/acknowledgements", summary="Take up a firing alert: it is not repeated")
def acknowledge(path: AlertPath, body: AcknowledgementBody) -> Response:
    store = _registry().store
    return _with_history(acknowledge_alert(store, path.alert_id, author=body.author, note=body.note, now=_now()))


@blueprint.post("/alerts/<alert_id>/silences", summary="Tell nothing of an alert until a time")
def silence(path: AlertPath, body: SilenceBody) -> Response:
    store, until = _registry().store, body.until_time
    return _with_history(
        silence_alert(store, path.alert_id, author=body.author, note=body.note, until_time=until, now=_now())
    )


@blueprint.delete("/alerts/<alert_id>/silences", summary="Lift the silence of an alert")
def lift_silence(path: AlertPath) -> Response:
    return _with_history(lift_alert_silence(_registry().store, path.alert_id, now=_now()))


@blueprint.get("/alert-rules", summary="All rules, the default ones among them")
def show_rules() -> Response:
    store = _registry().store
    stored = {document.key for document in store.list_documents(KIND)}
    return jsonify({"rules": [_rule_json(rule, rule.name in stored) for rule in list_rules(store)]})


@blueprint.put("/alert-rules/<name>", summary="Store a rule", responses={201: None})
def store_rule(path: RulePath, body: RuleBody) -> tuple[Response, int]:
    rule = AlertRule(name=path.name, **dict(body))
    is_new = put_rule(_registry().store, rule)
    return jsonify(_rule_json(rule, True)), 201 if is_new else 200


@blueprint.delete("/alert-rules/<name>", summary="Remove a stored rule; a default one of its name holds again")
def remove_rule(path: RulePath) -> Response:
    delete_rule(_registry().store, path.name)
    return jsonify({"removed": path.name})


@blueprint.get("/channels", summary="How alerts are told, and how each channel fares")
def show_channels() -> Response:
    tried = {channel.channel: asdict(channel) for channel in list_channels(_registry().store)}
    set_up = set_up_channels(current_app.extensions["settings"])
    channels = [{**_UNUSED, **tried.get(name, {}), "channel": name, "is_set_up": name in set_up} for name in CHANNELS]
    return jsonify({"channels": channels})


def _with_history(alert: Alert) -> Response:
    return jsonify({**_alert_json(alert, _now()), "history": [dict(line) for line in alert.history]})


def _alert_json(alert: Alert, now: datetime) -> dict[str, Any]:
    state = _in_utc(state_to_dict(alert.state))
    return {
        "alert_id": alert.alert_id,
        **state["key"],
        "rule": alert.rule,
        "severity": alert.severity,
        "state": alert.state.shown_status(now),
        "state_time": state["status_time"],
        "episode": state["episode"],
        "silence": state["silence"],
        "told": state["told"],
        "chunks": state["history"],
    }


def _in_utc(value: Any, name: str = "") -> Any:
    """Return plain values with their times as all answers write them, ending in Z."""
    if isinstance(value, dict):
        return {key: _in_utc(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_in_utc(inner) for inner in value]
    if isinstance(value, str) and (name == "time" or name.endswith("_time")):
        return format_time(parse_time(value))
    return value


def _rule_json(rule: AlertRule, is_stored: bool) -> dict[str, Any]:
    return {**rule.to_dict(), "is_default": not is_stored}


def _registry() -> Registry:
    registry: Registry = current_app.extensions["registry"]
    return registry


def _now() -> datetime:
    return _registry().clock.now()

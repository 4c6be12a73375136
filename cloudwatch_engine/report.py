"""The report by mail: a picture of each instance's forecast with its bands and the limit, and all scores in text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cloudwatch_engine import kept
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.names import CPU, series_name
from cloudwatch_engine.predictions import read_predictions, read_trial
from ml_core import mail
from ml_core.clock import parse_time
from ml_core.plots import Limit, Line, time_chart
from ml_core.settings import MailSettings

log = logging.getLogger(__name__)
_SHOWN = timedelta(hours=12)
_MOST_PICTURES = 20


def report(engine: Engine) -> str:
    """Mail the newest forecasts and return what was done.

    Without a mail server in the settings, or without a forecast, nothing is sent, and it says so. Raises
    ``DeliveryFailed``, ``ConfigurationError`` and ``StoreUnavailable``.
    """
    settings = mail_settings(engine)
    if not settings.host:
        return "nothing sent: no mail server is set (mail.host)"
    instances = [document.key for document in engine.store.list_documents(kept.OUTLOOKS)]
    if not instances:
        return "nothing sent: no forecast was made yet"
    forecasts = [read_predictions(engine, instance) for instance in instances]
    forecasts.sort(key=lambda forecast: -forecast["overload"]["probability"])
    text = "\n\n".join(describe(forecast, read_trial(engine, forecast["instance"])) for forecast in forecasts)
    pictures = {f"CPU of {row['instance']}": draw(engine, row) for row in forecasts[:_MOST_PICTURES]}
    message = mail.new_message(settings, _subject(forecasts), text, engine.clock.now(), pictures)
    mail.send(settings, message)
    return f"sent to {', '.join(settings.recipients)}"


def mail_settings(engine: Engine) -> MailSettings:
    """Return the mail settings in force: ``TO_ADDRESS`` of ``config.json`` is used if they name no recipient."""
    settings = engine.settings.mail
    if settings.recipients or not engine.config.TO_ADDRESS:
        return settings
    return settings.model_copy(update={"recipients": (engine.config.TO_ADDRESS,)})


def describe(forecast: Mapping[str, Any], trial: Mapping[str, Any]) -> str:
    """Return a forecast and the scores of all models as text."""
    overload = forecast["overload"]
    lines = [
        f"{forecast['instance']}: forecast by {forecast['forecaster']} (version {forecast['version']}), "
        f"issued {forecast['issue_time']}",
    ]
    if forecast["is_stale"]:
        lines.append(f"STALE: {forecast['stale_reason']}")
    lines.append(
        f"P(CPU above {overload['limit']:g} %): {overload['probability_1h']:.0%} within an hour, "
        f"{overload['probability']:.0%} by {forecast['steps'][-1]['valid_time']}"
        + (f", first at about {overload['expected_crossing_time']}" if overload["is_warned"] else "")
    )
    highest = max(forecast["steps"], key=lambda step: step["value"])
    lines.append(f"highest value expected: {highest['value']:.1f} % at {highest['valid_time']}")
    lines.append(f"scores of the training up to {trial['time']}, on {trial['origins']} past forecasts:")
    for model in trial["models"]:
        mark = "*" if model["is_served"] else " "
        lines.append(f" {mark} {model['label']:<28} {_scores(model)}")
    return "\n".join(lines)


def draw(engine: Engine, forecast: Mapping[str, Any]) -> bytes:
    """Return a PNG of what was measured in the last hours, and of the forecast with bands and limit."""
    issue_time = parse_time(forecast["issue_time"])
    frame = engine.store.observations(
        series_name(forecast["instance"], CPU), issue_time - _SHOWN, issue_time + engine.period
    )
    measured = [time.to_pydatetime() for time in frame["time"]]
    return draw_forecast(f"CPU of {forecast['instance']}", measured, frame["value"].tolist(), forecast)


def draw_forecast(title: str, times: list[datetime], values: list[float], forecast: Mapping[str, Any]) -> bytes:
    """Return a PNG of measured values and a forecast as ``GET /predictions`` tells it."""
    steps = forecast["steps"]
    ahead = [parse_time(step["valid_time"]) for step in steps]
    lines = [Line("measured", times, values)] if times else []
    lines.append(Line("forecast", ahead, [step["value"] for step in steps]))
    for level in ("80", "95"):
        for side in ("lower", "upper"):
            band = [step.get(f"{side}_{level}") for step in steps]
            lines.append(Line(f"{level} % band, {side}", ahead, band, dashed=True))
    return time_chart(title, "%", lines, limits=[Limit("limit", forecast["limit"])])


def _scores(model: Mapping[str, Any]) -> str:
    scores = model["scores"]
    if scores is None:
        return f"not tried: {model['reason']}"
    told = f"MAE {scores['mean_absolute_error']:.3f}"
    if "mean_absolute_percentage_error" in scores:
        told += f"  MAPE {scores['mean_absolute_percentage_error']:.1f} %"
    return told


def _subject(forecasts: list[dict[str, Any]]) -> str:
    warned = [forecast["instance"] for forecast in forecasts if forecast["overload"]["is_warned"]]
    if warned:
        return f"Overload expected: {', '.join(warned[:3])}{' and more' if len(warned) > 3 else ''}"
    return f"CPU forecast of {len(forecasts)} instance{'' if len(forecasts) == 1 else 's'}: no overload expected"

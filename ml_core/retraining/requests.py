"""Requests to train a model anew: a document a model, which holds the newest one.

The monitor files one when a rule's alert fires, a person when they like; the model's owner claims it. All of it is
compare and set on one document, so two checks file one request, and of two retrains one gets it. A claim holds for a
lease: if its holder dies, the request may be claimed again afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from ml_core.clock import format_time
from ml_core.errors import Conflict
from ml_core.records import Document
from ml_core.retraining.plain import from_plain, to_plain
from ml_core.retraining.trials import read_trial
from ml_core.store.base import Store

RETRAIN_KIND = "retrain_requests"
"""The kind of documents by which somebody asks for a model to be trained anew; the key is the model."""
RequestState = Literal["open", "claimed", "done"]
Outcome = Literal["promoted", "kept", "shadow", "failed"]
"""The challenger serves; the champion stays; the challenger predicts in the shadow; no challenger came of it."""


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """The newest request to train a model anew.

    It was filed by ``rule`` for ``alert_id``, or by a person, ``author``, with a ``reason``. ``message`` says in a
    sentence what came of it. ``last_done_time`` is when the request before it was done, from which it cools down.
    """

    model: str
    state: RequestState
    requested_time: datetime
    rule: str = ""
    alert_id: str = ""
    author: str = ""
    reason: str = ""
    claimed_by: str = ""
    claimed_until_time: datetime | None = None
    outcome: Outcome | None = None
    message: str = ""
    challenger: int | None = None
    done_time: datetime | None = None
    last_done_time: datetime | None = None
    revision: int = 0

    @property
    def asked_by(self) -> str:
        """Who asked: a person, or the rule that did."""
        return self.author or f"rule {self.rule}"

    def is_claimable(self, now: datetime, cool_down: timedelta) -> bool:
        """Return whether an owner may claim it now. A person's request does not wait for the model to cool down."""
        if self.state == "claimed":
            return self.claimed_until_time is None or now >= self.claimed_until_time
        cooled = self.author or self.last_done_time is None or now >= self.last_done_time + cool_down
        return self.state == "open" and bool(cooled)


def read_request(store: Store, model: str) -> RetrainRequest | None:
    """Return the newest request of a model, or None if there never was one."""
    document = store.get_document(RETRAIN_KIND, model)
    return None if document is None else _request(document)


def list_requests(store: Store) -> list[RetrainRequest]:
    """Return the newest request of each model that ever had one, by model."""
    return [_request(document) for document in store.list_documents(RETRAIN_KIND)]


def file_for_alert(
    store: Store, model: str, *, rule: str, alert_id: str, fired_time: datetime, now: datetime
) -> RetrainRequest | None:
    """File the request of a rule whose alert fires; return it, or None if there is nothing to file.

    None is filed while one is open or claimed or a challenger predicts in the shadow, nor if one was filed since the
    alert fired: a check that was killed between the alert and the request makes up for it, one that merely runs again
    does not ask twice.
    """
    before = read_request(store, model)
    if before is not None and (before.state != "done" or before.requested_time >= fired_time):
        return None
    trial = read_trial(store, model)
    if trial is not None and trial.kind == "shadow":
        return None
    return _file(store, RetrainRequest(model, "open", now, rule=rule, alert_id=alert_id), before)


def file_by_hand(store: Store, model: str, *, author: str, now: datetime, reason: str = "") -> RetrainRequest:
    """File the request of a person; raise ``Conflict`` while an earlier one is open or claimed."""
    before = read_request(store, model)
    if before is not None and before.state != "done":
        since = format_time(before.requested_time)
        raise Conflict(f"model {model!r} is to be trained anew already: {before.asked_by} has asked at {since}")
    filed = _file(store, RetrainRequest(model, "open", now, author=author, reason=reason), before)
    if filed is None:
        raise Conflict(f"somebody else asked at the same moment for {model!r} to be trained anew; look again")
    return filed


def claim(
    store: Store, request: RetrainRequest, *, holder: str, now: datetime, lease: timedelta
) -> RetrainRequest | None:
    """Return the request as claimed by ``holder`` until the lease ends; None if another process was first."""
    claimed = replace(request, state="claimed", claimed_by=holder, claimed_until_time=now + lease)
    return _put(store, claimed, request.revision)


def note_challenger(store: Store, claimed: RetrainRequest, challenger: int) -> RetrainRequest | None:
    """Return a claimed request that says which version was trained for it; None if the claim was lost.

    Should the run end without a word, the next one knows by it what had been done.
    """
    return _put(store, replace(claimed, challenger=challenger), claimed.revision)


def finish(
    store: Store,
    claimed: RetrainRequest,
    outcome: Outcome,
    message: str,
    *,
    now: datetime,
    challenger: int | None = None,
) -> bool:
    """End a claimed request; False if the claim was lost, and it is another's to end."""
    done = replace(
        claimed,
        state="done",
        claimed_until_time=None,
        outcome=outcome,
        message=message,
        challenger=challenger,
        done_time=now,
    )
    return _put(store, done, claimed.revision) is not None


def _file(store: Store, request: RetrainRequest, before: RetrainRequest | None) -> RetrainRequest | None:
    if before is None:
        return _put(store, request, None)
    return _put(store, replace(request, last_done_time=before.done_time), before.revision)


def _put(store: Store, request: RetrainRequest, expected: int | None) -> RetrainRequest | None:
    content = {name: value for name, value in to_plain(request).items() if value not in (None, "")}
    stored = store.put_document(RETRAIN_KIND, request.model, content, expected_revision=expected)
    return None if stored is None else _request(stored)


def _request(document: Document) -> RetrainRequest:
    return RetrainRequest(**{"model": document.key} | from_plain(document.content), revision=document.revision)

"""The models of an instance compete with its champion, and scheduled training leaves a trial alone."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cloudwatch_engine import cycle
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.models import ENSEMBLE
from cloudwatch_engine.names import model_name
from cloudwatch_engine.retrain import InstanceCpu, owner
from cloudwatch_engine.training import challenge, train_instance
from ml_core.artifacts.folders import load_artifact
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.jobs.runner import ExitCode
from ml_core.retraining.requests import file_by_hand, read_request
from ml_core.retraining.retrain import serve_request
from ml_core.retraining.trials import read_trial

MODEL = model_name(INSTANCE)
QUICK = ("naive", "seasonal_naive", "local_median", ENSEMBLE)
HOUR = timedelta(hours=1)


def test_a_challenger_that_beats_the_last_value_is_promoted_over_it(fetched: Engine) -> None:
    now = fetched.clock.now()
    subject = InstanceCpu(fetched, INSTANCE, QUICK)
    old = challenge(fetched, INSTANCE, subject.history(now - 40 * HOUR, now), ("naive",))
    fetched.registry.promote(fetched.registry.find(MODEL), old.number)
    file_by_hand(fetched.store, MODEL, author="ada", now=now)
    line = serve_request(fetched, subject)
    assert line is not None and line.partition(":")[0] in ("promoted", "shadow")
    challenger = fetched.store.list_versions(MODEL)[-1]
    assert challenger.number == 2 and challenger.parameters["forecaster"] != "naive"


def test_scheduled_training_leaves_an_instance_alone_while_its_challenger_is_in_the_shadow(trained: Engine) -> None:
    file_by_hand(trained.store, MODEL, author="ada", now=trained.clock.now())
    serve_request(trained, InstanceCpu(trained, INSTANCE, QUICK))
    trial = read_trial(trained.store, MODEL)
    assert trial is not None and trial.kind == "shadow"
    before = trained.store.list_versions(MODEL)
    assert cycle.run_jobs(trained, [cycle.train_job]) == ExitCode.DONE
    assert trained.store.list_versions(MODEL) == before


def test_what_several_forecasters_say_together_depends_on_nothing_that_came_later(fetched: Engine) -> None:
    now, subject = fetched.clock.now(), InstanceCpu(fetched, INSTANCE)
    train_instance(fetched, INSTANCE, names=QUICK)
    model = fetched.registry.find(MODEL)
    version = next(each for each in fetched.store.list_versions(MODEL) if each.parameters["forecaster"] == ENSEMBLE)
    tried = load_artifact(fetched.registry.artifact_folder(version), version.artifact_sha256 or "")
    assert isinstance(tried, TriedForecasters) and model.champion is not None
    history = subject.history(now, now)
    last = len(history) - 1
    whole = subject.ask(tried, history, [last - 6, last])
    assert_allclose(whole[0], subject.ask(tried, history.until(last - 6), [last - 6])[0])
    assert np.isfinite(whole).all()


def test_every_instance_that_has_a_model_can_be_trained_anew(trained: Engine) -> None:
    assert [subject.model for subject in owner(trained).subjects] == [MODEL]
    assert read_request(trained.store, MODEL) is None
    with pytest.raises(Exception, match="no metrics of i-none are known"):
        InstanceCpu(trained, "i-none").history(trained.clock.now(), trained.clock.now())

"""Which of our models a script means that names a deployment, or sends an access key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pydantic import SecretStr

from ml_core.errors import ConfigurationError, FieldError, ModelNotFound, NotFound
from ml_core.records import MODEL_NAME, Model
from ml_core.registry import Registry
from ml_core.settings import CmlSettings
from ml_core.web.sessions import is_among

_FIELD = "modelDeploymentCrn"


class Deployments:
    """The deployments and access keys of the settings, and every registered model under its own name."""

    def __init__(self, registry: Registry, settings: CmlSettings) -> None:
        """Raise ``ConfigurationError`` for a setting that is no pair of a key and a model."""
        self.registry = registry
        self.default = settings.model
        self._deployments = dict(_pair("cml.deployments", text) for text in settings.deployments)
        self._keys = [_pair("cml.access_keys", each.get_secret_value()) for each in settings.access_keys]

    @property
    def access_keys(self) -> Sequence[SecretStr]:
        """The keys that may ask for forecasts."""
        return [SecretStr(key) for key, _ in self._keys]

    def model_of_key(self, key: str) -> str:
        """Return the name of the model that an access key stands for: that of the setting ``cml.model`` for any other.

        Whether the key may ask at all is for the app's check of tokens to say.
        """
        found = [model for known, model in self._keys if is_among(key, [SecretStr(known)])]
        return found[0] if found else self.default

    def find(self, deployment: str | None) -> Model:
        """Return the model of a deployment, that of the setting ``cml.model`` for None.

        A deployment is one of the settings, the id of a model, or a CRN whose last part is that. Raises ``NotFound``
        that names the field.
        """
        for name in self._names(deployment):
            try:
                return self.registry.find(name)
            except ModelNotFound:
                continue
        message = "no such deployment: expected one of the setting cml.deployments, or the name of a registered model"
        raise NotFound(f"{_FIELD}: {message}", [FieldError(_FIELD, message)])

    def candidates(self, deployment: str | None) -> list[Model]:
        """Return the models among which to look for a prediction: one, or for None all, the usual one first."""
        if deployment is not None:
            return [self.find(deployment)]
        return sorted(self.registry.store.list_models(), key=lambda model: model.name != self.default)

    def _names(self, deployment: str | None) -> Iterator[str]:
        if deployment is None:
            yield self.default
        elif deployment in self._deployments:
            yield self._deployments[deployment]
        else:
            yield from (name for name in (deployment, re.split("[:/]", deployment)[-1]) if MODEL_NAME.fullmatch(name))


def _pair(setting: str, text: str) -> tuple[str, str]:
    key, _, model = text.rpartition("=")
    if not key or not MODEL_NAME.fullmatch(model):
        raise ConfigurationError(f"{setting}: expected pairs such as <key>=link_traffic_hourly")
    return key, model

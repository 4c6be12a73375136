"""Features that are never stored: which they are, and what is kept in their place.

The model still gets the real value; what is stored, and so shown, exported and watched for drift, is ``null``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ml_core.records import Feature


class Masking:
    """The setting ``masked_features``: patterns ``model.feature``, or ``*.feature`` for every model.

    Both names may hold dots, so ``a.b.c`` stands for ``b.c`` of model ``a`` and for ``c`` of model ``a.b``: rather one
    feature too many is masked than one too few.
    """

    def __init__(self, patterns: Collection[str] = ()) -> None:
        self._patterns = frozenset(patterns)

    def mask(self, model: str, features: Mapping[str, Feature]) -> Mapping[str, Feature]:
        """Return the features as they may be stored: masked ones are None, the others as they are."""
        if not self._patterns:
            return features
        masked = {name for name in features if not self._patterns.isdisjoint((f"{model}.{name}", f"*.{name}"))}
        return {name: None if name in masked else value for name, value in features.items()} if masked else features

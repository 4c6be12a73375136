"""Reference statistics on disk, beside the files of their version: fitted once, and used again by every check.

``<artifacts>/<model>/<id>.statistics.json`` belongs to one manifest, by its hash, and to one state of the methods, by
``FORMAT``; a file of another is fitted anew and replaced. It holds summaries, never rows of the reference beyond the
bounded samples that the methods state. Losing it costs only time.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ml_core.files import replace_file
from ml_monitor.monitoring.drift.catalogue import read_statistics
from ml_monitor.monitoring.estimation.cbpe import Cbpe

log = logging.getLogger(__name__)

FORMAT = 1
"""To be raised whenever a method keeps something else of a reference."""

Statistics = dict[tuple[str, str], Any]
"""What methods keep, by method and column."""


class KeptStatistics:
    """The statistics of one version in one file."""

    def __init__(self, artifact_folder: Path, manifest_sha256: str, schema: Mapping[str, str]) -> None:
        self.path = artifact_folder.with_name(f"{artifact_folder.name}.statistics.json")
        # What is asked of the reference is part of the name of what was learnt from it.
        asked = orjson.dumps([FORMAT, manifest_sha256, sorted(schema.items())])
        self._key = hashlib.sha256(asked).hexdigest()

    def load(self) -> tuple[Statistics, Statistics, Cbpe | None] | None:
        """Return the statistics of drift and of quality, and the estimator; None if they must be fitted."""
        try:
            content = orjson.loads(self.path.read_bytes())
            if content["key"] != self._key:
                return None
            drift = {(method, column): read_statistics(kept) for method, column, kept in content["drift"]}
            quality = {(check, column): kept for check, column, kept in content["quality"]}
            return drift, quality, Cbpe.from_dict(content["cbpe"]) if content["cbpe"] else None
        except FileNotFoundError:
            return None
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            log.warning("%s cannot be used and is made anew: %s", self.path, error)
            return None

    def save(self, drift: Statistics, quality: Statistics, cbpe: Cbpe | None) -> None:
        """Keep the statistics; where they cannot be written, they are fitted again next time."""
        content = {
            "key": self._key,
            "drift": [[method, column, kept.to_dict()] for (method, column), kept in drift.items()],
            "quality": [[check, column, kept] for (check, column), kept in quality.items()],
            "cbpe": cbpe.to_dict() if cbpe else None,
        }
        try:
            replace_file(self.path, orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY))
        except OSError as error:
            log.warning("%s cannot be kept: %s", self.path, error.strerror or error)

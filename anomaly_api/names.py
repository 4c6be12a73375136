"""By what names the detector is known in the registry."""

from __future__ import annotations

MODEL = "anomaly_detector"
TITLE = "Anomaly Detection"

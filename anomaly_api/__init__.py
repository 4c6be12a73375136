"""Predictions of an isolation forest over HTTP, with their metrics for Prometheus."""

"""The HTTP calls of scripts that were written for CML: forecasts of links, and the metrics they track."""

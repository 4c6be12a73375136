"""Realised performance: metrics of rows whose truth is known, each with its sampling error or why it is undefined."""

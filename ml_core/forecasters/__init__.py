"""Forecasters: one protocol, one method a file, and the rolling-origin backtest that chooses between them."""

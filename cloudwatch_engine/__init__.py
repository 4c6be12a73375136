"""Forecasts of the CPU load of cloud instances, with a warning before a limit is crossed."""

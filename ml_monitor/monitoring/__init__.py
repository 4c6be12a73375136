"""The maths of monitoring, pure: arrays in, values out; one method, one file. No store, no web, no clock."""

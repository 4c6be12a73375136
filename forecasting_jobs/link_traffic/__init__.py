"""The traffic of network links, six steps ahead: clean, look, train, experiment."""

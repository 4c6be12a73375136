"""The dashboard: what its pages read, say and draw."""

"""Model artifacts on disk: a folder with a manifest, one module a format, never a pickle."""

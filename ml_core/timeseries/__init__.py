"""Series on a regular grid, features and windows of them that know nothing of the future."""

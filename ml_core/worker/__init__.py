"""One lazy subprocess that holds heavy models, so that a web process never imports their libraries."""

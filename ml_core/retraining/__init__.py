"""Training a model anew: asked for once, compared fairly, promoted on evidence, taken back on evidence."""

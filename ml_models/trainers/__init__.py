"""One module a model that the suite trains itself."""

"""Demo data: a month of models whose troubles are known, posted as anybody would post them."""

"""The store that all apps share: one contract, an embedded JSON side and an SQL side."""

"""What checks have measured, kept as metric points and read back."""

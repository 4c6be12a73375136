"""Trains, registers and serves models; the Flask app listens on port 5002."""

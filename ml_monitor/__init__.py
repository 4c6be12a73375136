"""The dashboard and the monitoring API; the Flask app listens on port 5001."""

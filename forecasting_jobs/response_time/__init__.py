"""The response time of a main server and what stands behind it, six hours ahead, every hour."""

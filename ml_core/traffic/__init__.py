"""Forecasts of the traffic of links as they are served: how they are kept, and how their truth finds them."""

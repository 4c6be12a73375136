"""``python engine.py``: app and schedule together, as the first system started them."""

from __future__ import annotations

if __name__ == "__main__":
    from cloudwatch_engine.__main__ import serve_engine

    serve_engine(with_schedule=True)

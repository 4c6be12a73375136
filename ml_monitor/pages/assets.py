"""The files that pages load, each under a name that changes with its content, so that browsers may keep it forever."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_STATIC = Path(__file__).parent.parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file to send: its path below the app, its type, and its content compressed once for all requests."""

    address: str
    mimetype: str
    path: Path
    compressed: bytes


@lru_cache
def static_asset(name: str) -> Asset:
    """Return one of our own files; its address holds the hash of its content."""
    path = _STATIC / name
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"/ui/static/{path.stem}.{digest}{path.suffix}", _TYPES[path.suffix], path, _compress(content))


def find_static(file_name: str) -> Asset | None:
    """Return the file with this name and hash, or None if it is not there or has changed since."""
    known = (static_asset(path.name) for path in _STATIC.iterdir() if path.suffix in _TYPES)
    return next((asset for asset in known if asset.address.endswith(f"/{file_name}")), None)


@lru_cache  # pip's metadata are read from disk: that was a tenth of a page's cost
def bokeh_address() -> str:
    """Return the address of Bokeh's script; its version, which pip pins, stands for its content."""
    return f"/ui/assets/bokeh-{version('bokeh')}.min.js"


@lru_cache
def bokeh_asset() -> Asset:
    """Return Bokeh's script as its package ships it, without importing the package."""
    spec = find_spec("bokeh")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "server" / "static" / "js" / "bokeh.min.js"
    return Asset(bokeh_address(), _TYPES[".js"], path, _compress(path.read_bytes()))


def _compress(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=9, mtime=0)

"""The files that pages load, below ``/ui/static`` and ``/ui/assets``."""

from __future__ import annotations

from flask import Response, request

from ml_core.errors import NotFound
from ml_monitor.pages import assets
from ml_monitor.pages.frame import PageBlueprint

blueprint = PageBlueprint("static_files", __name__)


@blueprint.get("/ui/static/<file_name>")
def static_file(file_name: str) -> Response:
    """Send one of our own files, under the name that holds its hash."""
    asset = assets.find_static(file_name)
    if asset is None:
        raise NotFound(f"no file {file_name!r} belongs to these pages; load the page again")
    return _send(asset)


@blueprint.get("/ui/assets/<file_name>")
def package_file(file_name: str) -> Response:
    """Send Bokeh's script from its installed package."""
    if f"/ui/assets/{file_name}" != assets.bokeh_address():
        raise NotFound(f"no file {file_name!r} belongs to these pages; load the page again")
    return _send(assets.bokeh_asset())


def _send(asset: assets.Asset) -> Response:
    if request.accept_encodings["gzip"]:
        response = Response(asset.compressed, mimetype=asset.mimetype)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(asset.path.read_bytes(), mimetype=asset.mimetype)
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.add_etag()
    response.make_conditional(request)
    return response

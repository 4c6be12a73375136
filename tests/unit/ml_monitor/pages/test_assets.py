from __future__ import annotations

import gzip

from ml_monitor.pages.assets import bokeh_asset, find_static, static_asset


def test_a_file_is_found_under_the_name_that_holds_its_hash_alone() -> None:
    asset = static_asset("dashboard.css")
    name = asset.address.rsplit("/", 1)[1]
    assert find_static(name) == asset
    assert find_static("dashboard.css") is None
    assert find_static("dashboard.000000000000.css") is None
    assert find_static("") is None


def test_files_are_kept_compressed() -> None:
    for asset in (static_asset("dashboard.js"), bokeh_asset()):
        assert gzip.decompress(asset.compressed) == asset.path.read_bytes()


def test_bokehs_script_is_as_small_as_was_promised() -> None:
    assert bokeh_asset().mimetype == "text/javascript"
    assert len(bokeh_asset().compressed) < 400_000

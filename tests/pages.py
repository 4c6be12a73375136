"""What tests of pages share: how a browser asks, what a hostile client writes, and what a reader sees."""

from __future__ import annotations

import html
import re

from werkzeug.test import TestResponse

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def text_of(response: TestResponse) -> str:
    """Return a page's text as a reader sees it: without tags and data blocks, entities resolved."""
    without_data = re.sub(r"<(script|svg|noscript)\b.*?</\1>", "", response.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", without_data)).split())

"""What tests of pages share: how a browser asks, what a hostile client writes, and what a reader sees."""

from __future__ import annotations

import html
import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def text_of(response: TestResponse) -> str:
    """Return a page's text as a reader sees it: without tags and data blocks, entities resolved."""
    without_data = re.sub(r"<(script|svg|noscript)\b.*?</\1>", "", response.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", without_data)).split())


def send_form(client: FlaskClient, page: str, address: str, **fields: str) -> TestResponse:
    """Send a form of a page as a browser does that has opened the page: with the token that is in it."""
    token = re.search(r'name="form_token" value="(\w+)"', client.get(page).text)
    assert token is not None, f"no form is on {page}"
    return client.post(address, data={"form_token": token[1], **fields}, headers=BROWSER)

"""Calls to other services over HTTP: bounded in time, repeated where that helps, never redirected elsewhere."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

_BUSY = (429, 500, 502, 503, 504)


def new_session(*, retries: int = 3, pause_seconds: float = 0.5) -> requests.Session:
    """Return a session that repeats a request when the other side is away or busy.

    Pauses double, from ``pause_seconds`` on, or are what ``Retry-After`` says. Every method is repeated, so what is
    sent must bear arriving twice. The last answer is returned as it is. Proxies of the environment are not used:
    whom the suite talks to is said by its settings alone.
    """
    retry = Retry(
        total=retries,
        backoff_factor=pause_seconds,
        backoff_max=30,
        status_forcelist=_BUSY,
        allowed_methods=None,
        redirect=0,
        raise_on_redirect=False,
        raise_on_status=False,
    )
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(max_retries=retry))
    session.mount("https://", HTTPAdapter(max_retries=retry))
    return session

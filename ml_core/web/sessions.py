"""Sessions of browsers: who has given a token once holds a signed cookie in its place until it expires.

Nothing is kept on the server. The key follows from the configured tokens, so all workers and machines have the same
one, and a changed token ends every session. The cookie holds no token, only a digest that tells which it stands for.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from flask import Response, request
from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer
from pydantic import SecretStr

from ml_core.clock import Clock
from ml_core.settings import AuthSettings

COOKIE = "ml_session"
Scope = Literal["read", "write"]


class Sessions:
    """Makes and reads the cookies of one app's sessions."""

    def __init__(self, auth: AuthSettings, clock: Clock) -> None:
        self._auth = auth
        self.length = timedelta(hours=auth.session_hours)
        self.key = _key(auth)

        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock.now().timestamp())

        self._serializer = URLSafeTimedSerializer(self.key, salt="session", signer=Signer)

    def scope_of(self, token: str) -> Scope | None:
        """Return what a token may do; None for one that is not known."""
        # Both lists are always compared in full, so that the time taken tells nothing about either.
        may_write, may_read = is_among(token, self._auth.write_tokens), is_among(token, self._auth.read_tokens)
        return "write" if may_write else "read" if may_read else None

    def begin(self, response: Response, token: str) -> None:
        """Have the browser keep a session for a token that is known."""
        value = self._serializer.dumps([self._digest(token), secrets.token_urlsafe(9)])
        assert isinstance(value, str)
        set_cookie(response, COOKIE, value, max_age=self.length)

    def end(self, response: Response) -> None:
        """Have the browser forget its session."""
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax", secure=is_https())

    def scope(self) -> Scope | None:
        """Return what the session of this request may do; None without one that holds."""
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            digest, _ = self._serializer.loads(cookie, max_age=int(self.length.total_seconds()))
        except (BadSignature, ValueError, TypeError):  # expired, forged, or of another form
            return None
        for scope, tokens in (("write", self._auth.write_tokens), ("read", self._auth.read_tokens)):
            known = [self._digest(secret) for token in tokens if (secret := token.get_secret_value())]
            if any(hmac.compare_digest(each, str(digest)) for each in known):
                return "write" if scope == "write" else "read"
        return None

    def _digest(self, token: str) -> str:
        return hmac.new(self.key, b"token\0" + token.encode(), hashlib.sha256).hexdigest()


def set_cookie(response: Response, name: str, value: str, *, max_age: timedelta | None = None) -> None:
    """Set a cookie that no script reads and no other site sends along with a form."""
    response.set_cookie(name, value, max_age=max_age, path="/", httponly=True, samesite="Lax", secure=is_https())


def is_https() -> bool:
    """Return whether the browser came by https, if need be to a proxy before this app.

    Anybody may send the proxy's header; who does only keeps his own cookie from being sent without encryption.
    """
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def _key(auth: AuthSettings) -> bytes:
    tokens = [token.get_secret_value() for token in (*auth.read_tokens, *auth.write_tokens)]
    # Digests are of one length, so no two lists of tokens make the same key.
    content = b"".join(hashlib.sha256(token.encode()).digest() for token in tokens)
    if not any(tokens):
        return hashlib.sha256(content).digest()  # nothing to guard: there are no sessions, and forms have their cookie
    # Slow, because who has a session and knows its token could try at home which other token makes this key.
    return hashlib.scrypt(content, salt=b"ml-monitoring-suite session", n=2**14, r=8, p=1, dklen=32)


def is_among(token: str, known: Iterable[SecretStr]) -> bool:
    """Return whether a token is one of those known, in a time that tells nothing about any."""
    matches = [hmac.compare_digest(token.encode(), secret.get_secret_value().encode()) for secret in known]
    return any(matches)

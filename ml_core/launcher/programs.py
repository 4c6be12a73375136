"""What the launcher starts, watches and ends: our web apps, and servers of others that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_LEAST_WIDTH = 12
_LOOPBACK_OF_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A server that answers HTTP on ``host`` and ``port``; ``GET ready_path`` answers 200 once it can be used.

    One of port 0 answers nobody, and can be used as soon as it runs. ``name`` is that of its pid file and its log.
    ``section`` of the settings holds its port, as ``port_key``. ``files`` are written
    before it is started, such as its configuration, and only their owner may read them. ``environment`` is what it is
    told by variables, beside those of the launcher itself. ``shown_url`` is the address for people, where it is not
    the plain one. One that ``reads_store`` is started when the store can be used and holds models; where it needs
    a ``model`` of its own, ``train_command`` makes it. ``may_move`` tells that a setting names its host as well; the
    others listen on loopback whatever is set.
    """

    name: str
    section: str
    host: str
    port: int
    command: tuple[str, ...]
    title: str = ""
    ready_path: str = "/readyz"
    files: Mapping[Path, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    shown_url: str = ""
    reads_store: bool = False
    model: str | None = None
    train_command: tuple[str, ...] = ()
    may_move: bool = False
    port_key: str = "port"

    @property
    def own_host(self) -> str:
        """The host at which this machine itself reaches it: a wildcard address is no address to call."""
        return _LOOPBACK_OF_ANY.get(self.host, self.host)

    @property
    def url(self) -> str:
        """The address of its first page, as seen from this machine."""
        host = f"[{self.own_host}]" if ":" in self.own_host else self.own_host
        return f"http://{host}:{self.port}/"

    @property
    def address(self) -> str:
        """The address that people are shown, empty for one that answers nobody."""
        return self.shown_url or (self.url if self.port else "")

    @property
    def port_variable(self) -> str:
        """The environment variable that moves it to another port."""
        return f"ML_{self.section.upper()}__{self.port_key.upper()}"

    @property
    def address_variables(self) -> str:
        """The environment variables that move it to another address, for a message."""
        return f"{self.port_variable} or ML_{self.section.upper()}__HOST" if self.may_move else self.port_variable


def name_width(programs: Iterable[Program]) -> int:
    """Return how wide a column of their names is."""
    return max([_LEAST_WIDTH, *(len(program.name) for program in programs)])

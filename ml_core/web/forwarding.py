"""A second port of an app: ``python -m ml_core.web.forwarding <host> <port> <target port>``, started by ``serving``.

The server listens on one port. What comes to the other is handed on to it byte by byte, and its answers back.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator

from ml_core.processes import end_process

_PIECE_BYTES = 65_536
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_STOP_SECONDS = 5


@contextlib.contextmanager
def also_listening(host: str, port: int, target_port: int) -> Iterator[None]:
    """Forward ``port`` to ``target_port`` until the block ends, by a process that ends when this one does."""
    command = [sys.executable, "-m", "ml_core.web.forwarding", host, str(port), str(target_port)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        end_process(process, _STOP_SECONDS)


async def forward(host: str, port: int, target_port: int) -> None:
    """Listen on ``port`` and hand each connection on to ``target_port`` of the same host, for ever."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # either side may go at any time
            there_reader, there_writer = await asyncio.open_connection(host, target_port)
            await asyncio.gather(_pipe(reader, there_writer), _pipe(there_reader, writer))
        writer.close()

    server = await asyncio.start_server(connect, host, port)
    async with server:
        await server.serve_forever()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()


def main(host: str, port: str, target_port: str) -> None:
    """Forward until told to stop, or until the parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the parent, which ends this one
    asyncio.run(forward(host, int(port), int(target_port)))


if __name__ == "__main__":
    main(*sys.argv[1:])

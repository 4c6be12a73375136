"""Archives of the embedded store: the lines of a closed day as gzip beside, or in the place of, its segment.

``<day>.jsonl.gz`` is gzip as any program reads it (``zcat | jq``), made of members of some hundred lines. Each carries
its lengths in its header, so that a part is read without the rest, and a damaged one takes no other with it.

The header of the first also says how many bytes of the plain segment are in the archive by now, and their checksum. A
reader passes over these bytes of a plain segment that begins with them: so its lines are never seen twice, although the
archive takes its place some moments before the plain segment goes, or long before if the process is killed in between.
"""

from __future__ import annotations

import os
import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import crc32c

_MEMBER_BYTES = 262_144
_LEVEL = 6
# gzip's own first bytes, the length of the extra field, its name and its length (RFC 1952), then what is ours: the
# lengths of the member and of its lines, length and checksum of what was merged, and the checksum of all that.
_START = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff" + struct.pack("<H2sH", 28, b"ML", 24)
_FIELDS = struct.Struct("<IIQI")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = len(_START) + _FIELDS.size + _CHECKSUM.size
_LOST = b"?\n"


class Member(NamedTuple):
    """A part of an archive: its place and length in the file, and those of its lines among all lines."""

    place: int
    length: int
    start: int
    size: int


def encode_head(merged: bytes) -> bytes:
    """Return the first member of an archive into which these bytes of the plain segment were merged."""
    return _encode(b"", len(merged), crc32c.crc32c(merged))


def encode_members(lines: bytes) -> bytes:
    """Return members that hold these whole lines."""
    members, start = [], 0
    while start < len(lines):
        end = lines.find(b"\n", min(start + _MEMBER_BYTES, len(lines)) - 1) + 1
        members.append(_encode(lines[start:end], 0, 0))
        start = end
    return b"".join(members)


def lines_at(content: bytes, starts: Sequence[int]) -> list[bytes]:
    """Return the lines, without their breaks, that begin at some positions; the last may lack its break."""
    ends = [content.find(b"\n", start) for start in starts]
    return [content[start : end if end >= 0 else None] for start, end in zip(starts, ends, strict=True)]


class Archive:
    """An open archive as the lines that it holds; where it is damaged there are lines that are none."""

    def __init__(self, descriptor: int) -> None:
        self._file = descriptor
        self._length = os.fstat(descriptor).st_size
        self.merged_bytes = self.merged_checksum = 0
        self._parts = self._scan()
        self.members = [part for part in self._parts if part.size]
        self.size = self.members[-1].start + self.members[-1].size if self.members else 0

    def read(self, start: int) -> bytes:
        """Return all lines from a position on."""
        first = bisect_right(self.members, start, key=lambda member: member.start + member.size)
        content = b"".join(map(self.lines_of, self.members[first:]))
        return content[start - self.members[first].start :] if content else b""

    def read_lines(self, starts: Sequence[int]) -> list[bytes]:
        """Return the lines, without their breaks, that begin at some positions, which are in ascending order."""
        found: list[bytes] = []
        while len(found) < len(starts):
            number = bisect_right(self.members, starts[len(found)], key=lambda member: member.start + member.size)
            member = self.members[number]
            inside = starts[len(found) : bisect_left(starts, member.start + member.size)]
            content = self.lines_of(member)
            found += lines_at(content, [start - member.start for start in inside])
        return found

    def lines_of(self, member: Member) -> bytes:
        """Return the lines of a member, exactly as many bytes as it says; for what is damaged a line that is none."""
        raw = self.raw(member)
        if not raw.startswith(_START):
            return _LOST
        try:
            content = zlib.decompress(raw, wbits=31)
        except zlib.error:
            content = _salvage(raw)
        if len(content) == member.size:
            return content
        whole = content[: content.rfind(b"\n", 0, member.size) + 1]
        return whole + (b"?" * (member.size - len(whole) - 1) + b"\n" if len(whole) < member.size else b"")

    def damaged(self) -> list[Member]:
        """Return the members that are not as they were written, whether or not all their lines can be read."""
        return [part for part in self._parts if not _is_whole(self.raw(part), part.size)]

    def raw(self, member: Member) -> bytes:
        """Return a member as it lies in the file."""
        return os.pread(self._file, member.length, member.place)

    def _scan(self) -> list[Member]:
        members, place, start = list[Member](), 0, 0
        while place < self._length:
            fields = _decode(os.pread(self._file, _HEADER_BYTES, place))
            if fields is None:
                length, size = self._next_header(place) - place, len(_LOST)
            else:
                length, size, merged_bytes, merged_checksum = fields
                if merged_bytes:
                    self.merged_bytes, self.merged_checksum = merged_bytes, merged_checksum
            members.append(Member(place, length, start, size))
            place, start = place + length, start + size
        return members

    def _next_header(self, place: int) -> int:
        """Return where the next member begins behind one whose header is damaged."""
        rest = os.pread(self._file, self._length - place, place)
        found = rest.find(_START, 1)
        while found > 0 and _decode(rest[found : found + _HEADER_BYTES]) is None:
            found = rest.find(_START, found + 1)
        return place + found if found > 0 else self._length


def _encode(lines: bytes, merged_bytes: int, merged_checksum: int) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = compressor.compress(lines) + compressor.flush()
    length = _HEADER_BYTES + len(body) + 8
    header = _START + _FIELDS.pack(length, len(lines), merged_bytes, merged_checksum)
    trailer = struct.pack("<II", zlib.crc32(lines), len(lines))
    return header + _CHECKSUM.pack(crc32c.crc32c(header)) + body + trailer


def _decode(header: bytes) -> tuple[int, int, int, int] | None:
    """Return the fields of a member's header, or None if it is not as it was written."""
    body, checksum = header[: -_CHECKSUM.size], header[-_CHECKSUM.size :]
    whole = len(header) == _HEADER_BYTES and header.startswith(_START)
    if not whole or checksum != _CHECKSUM.pack(crc32c.crc32c(body)):
        return None
    length, size, merged_bytes, merged_checksum = _FIELDS.unpack(body[len(_START) :])
    return length, size, merged_bytes, merged_checksum


def _is_whole(raw: bytes, size: int) -> bool:
    try:
        return _decode(raw[:_HEADER_BYTES]) is not None and len(zlib.decompress(raw, wbits=31)) == size
    except zlib.error:
        return False


def _salvage(raw: bytes) -> bytes:
    """Return what comes out of a damaged member before the damage; each line still has its own checksum."""
    decompressor, pieces = zlib.decompressobj(wbits=31), list[bytes]()
    try:
        for start in range(len(raw)):
            pieces.append(decompressor.decompress(raw[start : start + 1]))
    except zlib.error:
        pass  # this is where the damage begins
    return b"".join(pieces)

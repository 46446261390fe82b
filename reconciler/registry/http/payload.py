"""JSON bodies, encoded and parsed. Secrets are revealed only at the moment of encoding; what comes in is bounded, and read strictly."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from reconciler.core.secret import Secret
from reconciler.core.unmanaged import Hidden

_GZIP: Final = zlib.MAX_WBITS | 16
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class Body(NamedTuple):
    """Body of a response, unpacked. `whole` is false where it was longer than was wanted, and reading stopped."""

    data: bytes
    whole: bool


def _reveal(value: Any) -> Any:
    if isinstance(value, (Secret, Hidden)):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _hide(value: Any) -> str:
    if isinstance(value, (Secret, Hidden)):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_ENCODER: Final = json.JSONEncoder(default=_reveal, allow_nan=False, separators=(",", ":"))
_PRINTER: Final = json.JSONEncoder(default=_hide, ensure_ascii=False)


def encode(body: Any) -> bytes:
    """Encode JSON data, whose leaves may be `Secret`, for sending. Raises ValueError where it holds NaN or an infinity."""
    return _ENCODER.encode(body).encode("ascii")


def shown(body: Any) -> str:
    """Encode JSON data for a log, with `***` for each secret."""
    return _PRINTER.encode(body)


def secrets_in(body: Any) -> Iterator[Secret]:
    """Secrets among the leaves of JSON data."""
    if isinstance(body, Secret):
        yield body
    elif isinstance(body, Hidden):
        yield from map(Secret, body.texts())
    elif isinstance(body, Mapping):
        for value in body.values():
            yield from secrets_in(value)
    elif isinstance(body, list | tuple):
        for value in body:
            yield from secrets_in(value)


def parse(data: bytes) -> Any:
    """Parse JSON; None for an empty body. Raises ValueError or RecursionError where it is not JSON in UTF-8, or holds a number that
    would become an infinity.

    Lone surrogates, which servers write that cut a text in the middle of a character, become question marks: they could be neither
    printed nor sent.
    """
    text = data.decode("utf-8")
    if not text.strip():
        return None
    parsed = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if _SURROGATE.search(text):
        parsed = json.loads(json.dumps(parsed, ensure_ascii=False).encode("utf-8", "replace"))
    return parsed


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise ValueError("a number beyond what a float holds")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


class _Unpacker:
    """Undoes gzip piece by piece, never making more at once than was asked for."""

    def __init__(self) -> None:
        self._member: Any = None  # a packed body may have several members, one after another

    def unpack(self, data: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        while data and most > 0:
            if self._member is None:
                self._member = zlib.decompressobj(_GZIP)
            part = self._member.decompress(data, most)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            most -= len(part)
            parts.append(part)
            if self._member.eof:
                self._member = None
        return b"".join(parts)

    def finish(self) -> None:
        if self._member is not None:
            raise zlib.error("the body broke off")


async def read(
    chunks: AsyncIterable[bytes], most: int, *, packed: bool, sink: Callable[[bytes], bool] | None = None
) -> Body:
    """Read at most `most` bytes of a body, unpacking on the way. Raises zlib.error where it is packed badly.

    `sink` is given each piece as it comes; once it says True, nothing more is read.
    """
    parts: list[bytes] = []
    received = size = 0
    unpacker = _Unpacker()
    async for chunk in chunks:
        part = unpacker.unpack(chunk, most + 1 - size) if packed else chunk
        parts.append(part)
        size += len(part)
        received += len(chunk)  # bounded too: what is packed may unpack to nothing, for ever
        if max(received, size) > most:
            return Body(b"".join(parts)[:most], whole=False)
        if sink is not None and sink(part):
            return Body(b"".join(parts), whole=True)
    unpacker.finish()
    return Body(b"".join(parts), whole=True)

"""An export into a file: beside it, until it is whole, stand what is written so far and how far that reaches.

What is written is on the disk before it is said to be, so whoever is killed, whenever, goes on from the last piece that
is known to be whole: the file is as if nothing had happened.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from devices.history.exports.formats import TEXT_FORMATS, Format, FormatName
from devices.history.exports.selection import Piece, Place, Selection

_SAVED_EVERY_BYTES: Final = 16 * 1024 * 1024


class ExportError(Exception):
    """An export can't begin, or go on; the message is for people."""


class Progress(Struct, frozen=True):
    """How far an export has come; what stands beside an unfinished file."""

    selection: Selection  # with ``until_received`` as it was at the begin
    format: FormatName
    place: Place = Place()
    size: int = 0  # bytes that count
    rows: int = 0  # readings, or events


def spool_of(file: Path) -> Path:
    """What is written so far."""
    return file.with_name(f"{file.name}.part")


def state_of(file: Path) -> Path:
    """How far it reaches."""
    return file.with_name(f"{file.name}.part.json")


def encoder(name: FormatName, selection: Selection) -> Format:
    """The encoding of what is written on the way."""
    if name in TEXT_FORMATS:
        return TEXT_FORMATS[name](selection)
    from devices.history.exports.parquet import ArrowStream  # takes a while to load

    return ArrowStream(selection)


def begin(file: Path, selection: Selection, format_name: FormatName, *, resume: bool, overwrite: bool) -> Progress:
    """Where an export starts: at its begin, or where it was interrupted.

    Raises:
        ExportError: there is something already, or nothing to go on with, or that was another export.
    """
    fresh = Progress(selection, format_name)
    if not resume:
        if (file.exists() or state_of(file).exists()) and not overwrite:
            what = f"{file} exists already" if file.exists() else f"an interrupted export into {file} is there"
            raise ExportError(f"{what}: add --resume to go on with it, --overwrite to begin anew")
        return fresh
    try:
        found = msgspec.json.decode(state_of(file).read_bytes(), type=Progress)
    except FileNotFoundError:
        raise ExportError(f"{file}: there is no interrupted export to go on with") from None
    except msgspec.MsgspecError as error:
        raise ExportError(f"{state_of(file)}: {error}") from None
    if not spool_of(file).exists() or spool_of(file).stat().st_size < found.size:
        raise ExportError(f"{spool_of(file)}: a part of what was written is gone: begin anew with --overwrite")
    if _question(found) != _question(fresh):
        raise ExportError(
            f"{file}: the interrupted export was of something else; give the same options, or --overwrite"
        )
    return found


def _question(progress: Progress) -> str:
    asked = msgspec.structs.replace(progress.selection, until_received=None)
    return hashlib.sha256(msgspec.json.encode([asked, progress.format])).hexdigest()


def write(file: Path, progress: Progress, told: Callable[[Piece, Progress], None]) -> Progress:
    """Write all that lacks, and make it the file.

    Args:
        file: where it is to be in the end.
        progress: where to begin.
        told: called after each piece.

    Raises:
        OSError: the disk.
        django.db.Error: the database. In both cases, as after a kill, the export can be gone on with.
    """
    encoding = encoder(progress.format, progress.selection)
    with _opened(spool_of(file), progress.size) as spool:
        if not progress.size:
            spool.write(encoding.begin())
            progress = _saved(file, spool, progress)
        saved_bytes = progress.size
        for piece in progress.selection.pieces(progress.place):
            spool.write(encoding.piece(piece))
            rows = progress.rows + len(piece.rows)
            progress = msgspec.structs.replace(progress, place=piece.place, rows=rows)
            if spool.tell() - saved_bytes >= _SAVED_EVERY_BYTES:
                progress = _saved(file, spool, progress)
                saved_bytes = progress.size
            told(piece, progress)
        spool.write(encoding.end())
        spool.flush()
        os.fsync(spool.fileno())
    _finish(file, progress.format)
    return progress


@contextmanager
def _opened(path: Path, size: int) -> Iterator[IO[bytes]]:
    """The spool, ready to be gone on with behind that many bytes."""
    with path.open("r+b" if size else "wb") as spool:
        spool.truncate(size)
        spool.seek(size)
        yield spool


def _saved(file: Path, spool: IO[bytes], progress: Progress) -> Progress:
    """Say that all that is written by now counts."""
    spool.flush()
    os.fsync(spool.fileno())
    progress = msgspec.structs.replace(progress, size=spool.tell())
    _replace(state_of(file), msgspec.json.encode(progress))
    return progress


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)


def _finish(file: Path, format_name: FormatName) -> None:
    spool = spool_of(file)
    if format_name in TEXT_FORMATS:
        spool.replace(file)
    else:
        from devices.history.exports.parquet import make_file

        fresh = file.with_name(f"{file.name}.new")
        make_file(spool, fresh)
        fresh.replace(file)
        spool.unlink()
    state_of(file).unlink(missing_ok=True)


def stream(
    selection: Selection, format_name: FormatName, out: IO[bytes], told: Callable[[Piece, Progress], None]
) -> Progress:
    """Write all of it to a stream, in one go.

    Raises:
        OSError: the stream.
        django.db.Error: the database.
    """
    encoding, progress = encoder(format_name, selection), Progress(selection, format_name)
    out.write(encoding.begin())
    for piece in selection.pieces(Place()):
        out.write(encoding.piece(piece))
        progress = msgspec.structs.replace(progress, place=piece.place, rows=progress.rows + len(piece.rows))
        told(piece, progress)
    out.write(encoding.end())
    out.flush()
    return progress

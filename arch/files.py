"""Whole files: a damaged one is refused in one sentence, a written one appears whole or not at all."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from pathlib import Path

from .errors import QPilotError

MAX_BYTES = 1 << 30
"""Largest file that is read, after decompression."""


def read_bytes(path: str | Path, error: type[QPilotError]) -> bytes:
    """Return the content of a file, decompressed where the name ends in .gz.

    Raises:
        QPilotError: Of the kind `error`: the file is missing, unreadable, too large, or named .gz and not gzip.
    """
    path = Path(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise error(f"There is no file {path}.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise error(f"{path} is named .gz but is not a whole gzip file.") from None
    except (OSError, ValueError) as reason:
        raise error(f"{path} cannot be read: {getattr(reason, 'strerror', None) or reason}.") from None
    if len(data) > MAX_BYTES:
        raise error(f"{path} is larger than {MAX_BYTES >> 20} MiB and is not read.")
    return data


def write_bytes(path: str | Path, data: bytes, error: type[QPilotError]) -> None:
    """Write a file under a temporary name and rename it, so that a failure leaves what was there before.

    Raises:
        QPilotError: Of the kind `error`: the folder is missing or not writable.
    """
    path = Path(path)
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)  # no time stamp: equal content gives equal bytes
    temporary = None
    try:
        if path.exists() and not path.is_file():  # a pipe or device such as /dev/stdout cannot be renamed over
            if path.is_dir():
                raise error(f"{path} is a folder; give the name of a file.")
            path.write_bytes(data)
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
        temporary = None
    except (OSError, ValueError) as reason:
        raise error(f"{path} cannot be written: {getattr(reason, 'strerror', None) or reason}.") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)

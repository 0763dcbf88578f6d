"""Files that appear at their path only when they are complete."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_file(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a file that only its owner can read.

    The content is written to a temporary file in the same folder, which then gets the name. So a
    crash or a full disk leaves either no file, the earlier one, or the whole new one; without
    `overwrite` it may leave an empty one.

    Raises:
        FileExistsError: There is a file at this path already, and `overwrite` is false.
        OSError: The file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(Path(folder, "backpack.xml"), b"<user/>", overwrite=False)
    ...     Path(folder, "backpack.xml").read_bytes()
    b'<user/>'
    """
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path} exists already: choose another path, or overwrite=True")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not overwrite:
            path.open("xb").close()  # fails if another process has created it meanwhile
        temporary.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise

"""Files on pages: the API serves only their names."""

from __future__ import annotations

import csv
import os
import unicodedata
from os import PathLike
from pathlib import Path
from urllib.parse import quote

from backpack_orm.archive.conversions.csv import cell, encoding
from backpack_orm.archive.conversions.output import replacing
from backpack_orm.archive.conversions.source import Source, loaded_pages
from backpack_orm.archive.conversions.widgets import files_on
from backpack_orm.errors import ValidationError
from backpack_orm.models.page_addresses import address_of
from backpack_orm.orm.operations.progress import Progress

_COLUMNS = ("type", "id", "file_name", "page_id", "page_title", "page_url")


def write_file_list(
    source: Source, path: str | PathLike[str], report: Progress, *, excel: bool = False
) -> None:
    """Write a CSV file with all attachments and images, to download them by hand.

    The API does not serve files. Each row contains the address of the page on the web site, where
    the file can be downloaded.

    Args:
        source: The records.
        path: The CSV file; an existing one is replaced.
        report: Called for each page.
        excel: Write for spreadsheets, as `write_csv` does.

    Raises:
        OSError: The file cannot be written.
    """
    account = account_url(source)
    with (
        replacing(Path(path)) as part,
        part.open("w", encoding=encoding(excel), newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for page in loaded_pages(source, report):
            url = address_of(page.id, account) if account else ""
            for record in files_on(page):
                kind = type(record).__name__.lower()
                row = [kind, record.id, record.file_name, page.id, page.title, url]
                writer.writerow([cell(value, excel) for value in row])


def account_url(source: Source) -> str | None:
    """Return the address of the account's web site; None if it is unknown."""
    return f"https://{source.host}" if source.host else None


class Files:
    """Where the files on pages are.

    Args:
        account: Address of the account's web site; None if it is unknown.
        folder: A folder with downloaded files; None if there are none.

    Raises:
        ValidationError: There is no such folder.
    """

    def __init__(self, account: str | None, folder: str | PathLike[str] | None = None) -> None:
        self._account = account
        self._paths: dict[str, list[Path]] = {}
        if folder is not None:
            if not Path(folder).is_dir():
                raise ValidationError(f"files_dir: {folder} is not a folder")
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    self._paths.setdefault(_key(path.name), []).append(path)

    def link(self, name: str, page_id: int, start: Path) -> str | None:
        """Return a link to a file: to the downloaded one, else to its page on the web site.

        If several downloads have the name, the one in a folder named after the page's id is taken.

        Args:
            name: Name of the file.
            page_id: Id of the page that contains it.
            start: The folder of the document that contains the link.
        """
        found = self._paths.get(_key(name), [])
        if len(found) > 1:
            found = [path for path in found if path.parent.name == str(page_id)]
        if len(found) == 1:
            (path,) = found
            relative = os.path.relpath(path.resolve(), start.resolve())
            return quote(Path(relative).as_posix())
        return address_of(page_id, self._account) if self._account else None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name)

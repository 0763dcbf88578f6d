"""Conversions as methods of archives and snapshots."""

from __future__ import annotations

from abc import abstractmethod
from os import PathLike
from typing import TYPE_CHECKING

from backpack_orm.archive.conversions.csv import write_csv
from backpack_orm.archive.conversions.files import write_file_list
from backpack_orm.archive.conversions.frames import frame_of
from backpack_orm.archive.conversions.html import write_html
from backpack_orm.archive.conversions.ical import write_ical
from backpack_orm.archive.conversions.json_lines import write_json_lines
from backpack_orm.archive.conversions.markdown import write_markdown
from backpack_orm.archive.conversions.parquet import write_parquet
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.conversions.sqlite import write_sqlite
from backpack_orm.archive.view import View
from backpack_orm.orm.operations.progress import Progress, reporter

if TYPE_CHECKING:
    import pandas


class Convertible(View):
    """The records of one moment, which can be taken along in other formats.

    Conversions make no request, and write the same for the same snapshot. A folder keeps a listing
    of what was written: repeated conversions remove stale files, and refuse to replace files that
    were edited, or those of another archive or format. Ctrl-C leaves a file as it was, and a folder
    in a state that the next conversion completes.
    """

    @property
    @abstractmethod
    def _source(self) -> Source:
        """What is converted."""

    def to_markdown(
        self,
        folder: str | PathLike[str],
        *,
        files_dir: str | PathLike[str] | None = None,
        progress: bool | Progress = False,
    ) -> None:
        """Write a Markdown file for each page, and files for everything else.

        Each page begins with its metadata in YAML. Its `tags` are valid in Obsidian;
        `backpack_tags` are the original ones. What is on the page follows in its order, and items
        are a task list.
        Links to other pages of the account lead to their files.

        Args:
            folder: Folder for the files.
            files_dir: Folder with downloaded attachments and images, to link them by name. Of
                several with one name, the one in a folder named after the id of its page is linked.
            progress: True to show the progress, or a function that takes what is done at the
                moment, how much of it is finished, and the total.

        Raises:
            ImportError: The extra `archive` is not installed.
            ValidationError: The folder contains other files, another conversion, or edited files;
                or there is no folder `files_dir`.
            OSError: A file cannot be written.

        >>> archive.to_markdown("notes")
        >>> page = Path("notes/pages/Lisbon.md").read_text(encoding="utf-8")
        >>> print(page.partition("## Packing")[2].strip()[:33])
        - [ ] Walking shoes
        - [ ] Sun hat
        """
        write_markdown(self._source, folder, reporter(progress), files_dir=files_dir)

    def to_html(
        self,
        folder: str | PathLike[str],
        *,
        files_dir: str | PathLike[str] | None = None,
        progress: bool | Progress = False,
    ) -> None:
        """Write a site that can be opened from the folder, read on a phone, printed and searched.

        It loads nothing from a network, and texts run nothing. Links to other pages of the account
        lead to their copies. Begin at `index.html`.

        Args and errors are those of `to_markdown`.

        >>> archive.to_html("site")
        >>> Path("site/index.html").exists(), Path("site/pages/Lisbon.html").exists()
        (True, True)
        """
        write_html(self._source, folder, reporter(progress), files_dir=files_dir)

    def to_ics(self, path: str | PathLike[str], *, progress: bool | Progress = False) -> None:
        """Write an iCalendar file with all events and reminders; an existing file is replaced.

        Reminders are events of no duration with an alarm. The identifiers are the same in each file
        of an account, so that importing a newer file updates them. Events without a time are left
        out. `progress` is that of `to_markdown`.

        Raises:
            ImportError: The extra `archive` is not installed.
            ValidationError: The path is a folder.
            OSError: The file cannot be written.

        >>> archive.to_ics("calendar.ics")
        >>> Path("calendar.ics").read_text().count("BEGIN:VEVENT")
        24
        """
        write_ical(self._source, path, reporter(progress))

    def to_sqlite(self, path: str | PathLike[str], *, progress: bool | Progress = False) -> None:
        """Write a SQLite database with all tables; an existing file is replaced.

        Times are texts in ISO 8601, and booleans are 0 and 1. The virtual table `search` finds
        substrings of three or more characters in all texts; for shorter ones, scan `search_text`
        with LIKE. The views `open_items` and `pages_with_tags` answer frequent questions.
        The table `gaps` lists what the snapshot lacks; the tables of gaps are empty.
        `NAME-metadata.json` beside the database describes it to Datasette; if you edit it, it is
        left as it is, until you delete it.

        Args:
            path: The database file.
            progress: As for `to_markdown`.

        Raises:
            ValidationError: The path is a folder.
            OSError: The file cannot be written.
            sqlite3.OperationalError: The disk is full.

        >>> archive.to_sqlite("notes.db")
        >>> import sqlite3
        >>> with sqlite3.connect("notes.db") as database:
        ...     database.execute("SELECT page, list, content FROM open_items LIMIT 1").fetchall()
        [('Lisbon', 'Packing', 'Walking shoes')]
        >>> database.close()
        """
        write_sqlite(self._source, path, reporter(progress))

    def to_csv(
        self,
        folder: str | PathLike[str],
        *,
        excel: bool = False,
        progress: bool | Progress = False,
    ) -> None:
        """Write a CSV file for each table, in UTF-8, with one line of column names.

        Beside the id of a page, list, gallery, calendar or user is its title or name. Times are in
        ISO 8601, and booleans are `true` and `false`. What is unknown is an empty cell, as is an
        empty text. A table that is a gap of the snapshot has no file, and an ordinary sync has no
        `linked_pages.csv`; `gaps.csv` lists the gaps.

        Args:
            folder: Folder for the files.
            excel: Write for spreadsheets: with a byte order mark, and with an apostrophe before
                each text that a spreadsheet would take for a formula.
            progress: As for `to_markdown`.

        Raises:
            ValidationError: The folder contains other files, another conversion, or edited files.
            OSError: A file cannot be written.

        >>> archive.to_csv("tables")
        >>> print(Path("tables/lists.csv").read_text().splitlines()[0])
        id,page_id,page_title,name
        """
        write_csv(self._source, folder, reporter(progress), excel=excel)

    def to_jsonl(self, folder: str | PathLike[str], *, progress: bool | Progress = False) -> None:
        """Write a file of JSON Lines for each table, in UTF-8.

        Times are in ISO 8601. What is unknown is null. Tables that are gaps of the snapshot have no
        file. `progress` is that of `to_markdown`, and errors are those of `to_csv`.

        >>> archive.to_jsonl("lines")
        >>> import json
        >>> json.loads(Path("lines/lists.jsonl").read_text().splitlines()[0])["name"]
        'Packing'
        """
        write_json_lines(self._source, folder, reporter(progress))

    def to_parquet(self, folder: str | PathLike[str], *, progress: bool | Progress = False) -> None:
        """Write a Parquet file for each table. Needs pyarrow.

        Times have microseconds and are in UTC; those of the account's zone have no zone if it is
        unknown. Tables that are gaps of the snapshot have no file. `progress` is that of
        `to_markdown`. Errors are those of `to_csv`, and an ImportError without the extra `parquet`.

        >>> archive.to_parquet("columns")
        >>> Path("columns/items.parquet").exists()
        True
        """
        write_parquet(self._source, folder, reporter(progress))

    def frame(self, table: str, *, progress: bool | Progress = False) -> pandas.DataFrame:
        """Return a table as a frame of pandas. Makes no request.

        Times are in UTC; those of the account's zone have no zone if it is unknown.

        Args:
            table: Name of a table, such as `pages`, `items` or `journal_entries`.
            progress: As for `to_markdown`.

        Raises:
            ValidationError: There is no such table.
            NotInArchive: The table is a gap of the snapshot.
            ImportError: pandas is not installed.

        >>> int(archive.frame("items")["completed"].sum())
        63
        """
        return frame_of(self._source, table, reporter(progress))

    def to_file_list(
        self,
        path: str | PathLike[str],
        *,
        excel: bool = False,
        progress: bool | Progress = False,
    ) -> None:
        """Write a CSV file with all attachments and images, to download them by hand.

        The API does not serve files. Each row contains the address of the page on the web site,
        where the file can be downloaded.

        Args:
            path: The file; an existing one is replaced.
            excel: Write for spreadsheets, as `to_csv` does.
            progress: As for `to_markdown`.

        Raises:
            ValidationError: The path is a folder.
            OSError: The file cannot be written.

        >>> archive.to_file_list("files.csv")
        >>> len(Path("files.csv").read_text().splitlines())
        8
        """
        write_file_list(self._source, path, reporter(progress), excel=excel)

"""Without a repair of a defect that lost or doubled records, `test_two_writers` fails.

A repair is taken out of a copy of the package by a small change of its text.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "backpack_orm"


class Repair(NamedTuple):
    """A repair, as the text of a module with it and without it, and the calls that need it."""

    module: str
    text: str
    without: str
    calls: str


MOVING, COPIER, PLACES = (f"orm/copying/{name}.py" for name in ("moving", "copier", "places"))
SYNCING = "orm/copying/syncing.py"

COPIES = "            copies = self._read_copies(sources)\n"
ORIGINALS = "            originals = self._read_originals(sources)\n"
CHECKED = (
    '        self._check_saved("get_or_create", [name.partition("__")[0] for name in lookups])'
)

REPAIRS = {
    # --- moves and copies
    "a move reads its originals": Repair(
        MOVING,
        "zip(sources, find_stored(sources), strict=True)",
        "zip(sources, sources)",
        "move_to",
    ),
    "a copy reads its originals": Repair(
        COPIER, "originals = stored(self.sources)", "originals = self.sources", "copy_to"
    ),
    "a spoilt copy is copied again": Repair(
        MOVING,
        "        self._copier.forget(source)\n        self._steps =",
        "        self._steps =",
        "move_to",
    ),
    "a move reads its originals last": Repair(
        MOVING,
        COPIES + ORIGINALS,
        ORIGINALS + COPIES,
        "move_to",
    ),
    "a copy that has changed follows its original": Repair(
        MOVING, "            if not edited:", "            if True:", "move_to"
    ),
    # --- what a failed request may have created
    "the baseline is read when the call begins": Repair(
        PLACES,
        "self.children._present(fresh=True) if records is None",
        "self.children._present() if records is None",
        "copy_to or move_to or create_many",
    ),
    "what was there before is not adopted": Repair(
        "orm/copying/creating.py",
        " for each in equal() if each._saved_id not in before}",
        " for each in equal()}",
        "copy_to or create_many",
    ),
    "what a merge finds is not adopted": Repair(
        "models/merging.py",
        "                self._copier.place(children).prepare(stored)",
        "                self._copier.place(children).prepare(())",
        "merge_into",
    ),
    "a duplicate that was there before is not adopted": Repair(
        "models/duplicating.py",
        "pages.all(using=connection, fresh=True)\n            }",
        "[]\n            }",
        "duplicate",
    ),
    # --- unsaved values
    "sync compares stored values": Repair(
        SYNCING, '        self._children._check_saved("sync", compared)\n', "", "sync"
    ),
    "sync destroys what it has planned to": Repair(
        SYNCING,
        "                    now is not None\n                    and ",
        "                    False\n                    and ",
        "sync",
    ),
    # --- read right before each write
    "tags are read before they are written": Repair(
        "models/page_tags.py",
        '    page._load("tags", fresh=True)\n    names',
        "    names",
        "tags or retag",
    ),
    "an item is read before it is completed": Repair(
        "models/completable.py",
        "fresh or self._fetch(fresh=True))",
        "fresh or self._record)",
        "complete or reopen",
    ),
    # --- turns of threads
    "get_or_create takes turns": Repair(
        "orm/copying/get_or_create.py",
        "    with deciding_in(place, type(record)):",
        "    if place:",
        "get_or_create or update_or_create",
    ),
    "all spellings of a search share their turn": Repair(
        "orm/operations/locks.py",
        "    root: Any = place\n",
        "    root: Any = place\n    return exclusive(id(place))\n",
        "get_or_create or update_or_create",
    ),
    "sync takes turns": Repair(
        SYNCING,
        "with deciding_in(children._owner, children._model), tallied() as tally:",
        "with tallied() as tally:",
        "sync",
    ),
    "adopting takes turns": Repair(
        "orm/copying/create_many.py",
        "with deciding_in(self._owner, children._model) if self._adopt else nullcontext():",
        "if True:",
        "items.create_many",
    ),
    "a miss is confirmed before a record is created": Repair(
        "orm/copying/get_or_create.py",
        "            found = search(True)\n",
        "            pass\n",
        "get_or_create",
    ),
    # --- what is left of a stopped call
    "a page that exists is not created again": Repair(
        "orm/operations/resuming.py",
        "        error.retryable = error.retryable and is_repeatable\n",
        "",
        "Page.create or Page.update or Page.get",
    ),
}


@pytest.mark.parametrize("name", REPAIRS)
def test_two_writers_fail_without_a_repair(name: str, tmp_path: Path) -> None:
    repair = REPAIRS[name]
    shutil.copytree(
        ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
    )
    module = tmp_path / PACKAGE / repair.module
    content = module.read_text("utf-8")
    assert content.count(repair.text) == 1, "the repair is written in another way"
    module.write_text(content.replace(repair.text, repair.without), "utf-8")
    tests = "test_nothing_is_lost_or_doubled_whatever_happens_at_a_request"
    run = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "pytest", "-x", "-q", "-n", "0", "--tb=short"),
            *("-p", "no:cacheprovider", "-o", f"pythonpath={tmp_path} {ROOT} {ROOT / '.ci'}"),
            *(f"tests/sequences/test_two_writers.py::{tests}", "-k", repair.calls),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout
    assert str(module) in run.stdout or "AssertionError" in run.stdout

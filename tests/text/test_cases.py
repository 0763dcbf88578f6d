"""Each case is converted to the reviewed contents of its files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.text.record import CASES, FORMS, converted, names, source

ROOT = Path(__file__).parents[2]
DIGEST = """
import hashlib
from tests.text.record import converted, names, source
digest = hashlib.sha256()
for name in names():
    for form, written in converted(source(name)).items():
        digest.update(written.encode())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("name", names())
def test_a_case_is_converted_to_the_contents_of_its_files(name: str) -> None:
    expected = {form: (CASES / f"{name}.{form}").read_bytes().decode() for form in FORMS}
    assert converted(source(name)) == expected


def test_there_are_sixty_cases_and_no_file_without_one() -> None:
    assert len(names()) >= 60
    files = {path.name for path in CASES.iterdir()}
    assert files == {f"{name}.{form}" for name in names() for form in ("textile", *FORMS)}


def test_a_conversion_is_the_same_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(digests) == 1


def test_a_conversion_is_the_same_in_every_call() -> None:
    for name in names():
        assert converted(source(name)) == converted(source(name))

"""The folder of a conversion: what it writes, keeps, removes and refuses."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from backpack_orm import ValidationError
from backpack_orm.archive.conversions.output import LISTING, OutputFolder, replacing


def opened(folder: Path, format: str = "web site", source: str = "archive 1") -> OutputFolder:
    return OutputFolder(folder, format, source)


def write(folder: Path, **files: str) -> None:
    with opened(folder) as output:
        for name, content in files.items():
            output.write(f"{name}.md", content)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_stale_files_and_their_empty_folders_are_removed(tmp_path: Path) -> None:
    with opened(tmp_path / "out") as output:
        output.write("pages/deep/a.md", "a")
        output.write("b.md", "b")
    write(tmp_path / "out", b="b2")
    assert names(tmp_path / "out") == {"b.md", LISTING}
    assert not (tmp_path / "out" / "pages").exists()


def test_files_of_other_programs_stay(tmp_path: Path) -> None:
    write(tmp_path, a="a")
    (tmp_path / "mine.md").write_text("mine")
    write(tmp_path, b="b")
    assert names(tmp_path) == {"b.md", "mine.md", LISTING}


def test_a_file_with_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    write(tmp_path, a="a", b="b")
    before = {name: (tmp_path / name).stat().st_ino for name in ("a.md", "b.md")}
    write(tmp_path, a="a", b="other")
    assert (tmp_path / "a.md").stat().st_ino == before["a.md"]
    assert (tmp_path / "b.md").stat().st_ino != before["b.md"]


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.md").write_text("x")
    with pytest.raises(ValidationError, match="choose a new folder"):
        write(tmp_path, a="a")
    assert names(tmp_path) == {"thesis.md"}


@pytest.mark.parametrize(
    ("format", "source", "what"),
    [
        ("web site", "archive 2", "the web site of another archive"),
        ("CSV files", "archive 1", "the web site of an archive"),
    ],
)
def test_a_folder_with_another_conversion_is_refused_and_stays_as_it_is(
    tmp_path: Path, format: str, source: str, what: str
) -> None:
    write(tmp_path, a="a")
    with (
        pytest.raises(ValidationError, match=f"contains {what}.*choose another folder"),
        opened(tmp_path, format, source) as output,
    ):
        output.write("a.md", "b")
    assert (tmp_path / "a.md").read_text() == "a"
    write(tmp_path, a="a2")
    assert (tmp_path / "a.md").read_text() == "a2"


def test_a_conversion_that_fails_at_once_leaves_a_folder_that_others_do_not_use(
    tmp_path: Path,
) -> None:
    with suppress(KeyboardInterrupt), opened(tmp_path / "out"):
        raise KeyboardInterrupt
    with pytest.raises(ValidationError, match="of another archive"):
        opened(tmp_path / "out", source="archive 2").__enter__()


@pytest.mark.parametrize("content", ["", '["a.md", "00', '["a.md", "0000"]\n'])
def test_a_listing_that_does_not_say_what_was_converted_is_refused(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / LISTING).write_text(content)
    with pytest.raises(ValidationError, match="contains the files of an archive"):
        write(tmp_path, a="a")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(ValidationError, match="is a file"):
        write(tmp_path / "out", a="a")


def test_an_edited_file_is_never_replaced_nor_removed(tmp_path: Path) -> None:
    write(tmp_path, a="a", b="b")
    (tmp_path / "a.md").write_text("my edit")
    for files in ({"a": "new"}, {"b": "new"}):
        with pytest.raises(ValidationError, match=r"1 file edited.*a\.md"):
            write(tmp_path, **files)
    assert (tmp_path / "a.md").read_text() == "my edit"
    assert (tmp_path / "b.md").read_text() == "b"


@pytest.mark.parametrize("written", [1, 2])
def test_an_interrupted_conversion_can_be_repeated(tmp_path: Path, written: int) -> None:
    write(tmp_path, a="a", b="b", c="c")
    with suppress(KeyboardInterrupt), opened(tmp_path) as output:
        for name in ["a.md", "d.md"][:written]:
            output.write(name, "new")
        raise KeyboardInterrupt
    assert {"b.md", "c.md"} <= names(tmp_path), "nothing is removed"
    write(tmp_path, a="newest")
    assert names(tmp_path) == {"a.md", LISTING}


def test_a_conversion_that_is_killed_can_be_repeated(tmp_path: Path) -> None:
    write(tmp_path, a="a")
    listing = (tmp_path / LISTING).read_text()
    (tmp_path / LISTING).write_text(f'{listing}["a.md", "0000"]\n["b.m')  # before b.md was written
    (tmp_path / ".backpack-part-1.md").write_text("half")
    write(tmp_path, a="a2")
    assert names(tmp_path) == {"a.md", LISTING}


def test_a_conversion_that_is_killed_twice_can_be_repeated(tmp_path: Path) -> None:
    write(tmp_path, a="a")
    with (tmp_path / LISTING).open("ab") as listing:
        listing.write('["Caf\u00e9'.encode()[:-1])  # half of a character
    with suppress(KeyboardInterrupt), opened(tmp_path) as output:
        output.write("a.md", "a2")
        raise KeyboardInterrupt
    write(tmp_path, a="a3")
    assert (tmp_path / "a.md").read_text() == "a3"


def test_an_error_while_a_file_is_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("old")
    with suppress(OSError), replacing(path) as part:
        part.write_text("half of the new")
        raise OSError("the disk is full")
    assert names(tmp_path) == {"a.db"}
    assert path.read_text() == "old"


def test_new_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "reference").touch()
    write(tmp_path / "out", a="a")
    usual = (tmp_path / "reference").stat().st_mode
    assert (tmp_path / "out" / "a.md").stat().st_mode == usual


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.md", "a/../../up.md"])
def test_no_file_is_written_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError), opened(tmp_path / "out") as output:
        output.write(name, "x")
    assert names(tmp_path) == {f"out/{LISTING}"}


def test_an_interrupted_conversion_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as caught, opened(tmp_path / "out"):
        raise KeyboardInterrupt
    assert caught.value.__notes__ == [
        f"{tmp_path / 'out'} contains files of this conversion: convert again to complete it"
    ]


def test_an_interruption_of_a_later_conversion_speaks_of_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "out", a="a")
    with pytest.raises(KeyboardInterrupt) as caught, opened(tmp_path / "out"):
        raise KeyboardInterrupt
    assert "files of this conversion and of the one before:" in caught.value.__notes__[0]
    with pytest.raises(KeyboardInterrupt) as caught, replacing(tmp_path / "a.db"):
        raise KeyboardInterrupt
    assert caught.value.__notes__ == [f"{tmp_path / 'a.db'} is as it was: convert again"]


def test_a_full_disk_says_what_is_left(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full") as caught, opened(tmp_path / "out"):
        raise OSError("the disk is full")
    assert "convert again to complete it" in caught.value.__notes__[0]


def test_a_folder_in_place_of_the_file_is_refused_at_the_beginning(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="is a folder: choose a file"), replacing(tmp_path):
        raise AssertionError("this comes too late")


def test_the_folder_of_a_file_is_created(tmp_path: Path) -> None:
    with replacing(tmp_path / "new" / "a.db") as part:
        part.write_text("a")
    assert (tmp_path / "new" / "a.db").read_text() == "a"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write")
def test_an_error_names_the_file_and_not_the_temporary_one() -> None:
    with pytest.raises(OSError, match="'/proc/a.db'") as caught, replacing(Path("/proc/a.db")):
        raise AssertionError("this comes too late")
    assert "backpack-part" not in str(caught.value)

"""Exports that are saved to files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import requests

from backpack_orm import Connection, Export, Page, User
from backpack_orm.models.files import write_file
from backpack_orm.sandbox import Sandbox
from tests.conftest import TOKEN


def received(box: Sandbox, user: User) -> bytes:
    response = requests.get(f"{box.url}/{TOKEN}/users/{user.id}/export.xml", timeout=10)
    assert response.status_code == 200
    return response.content


def test_an_export_is_saved_as_received(
    box: Sandbox, connection: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "backpack.xml"
    export = User.me().export()
    before = box.requests
    export.save(path)
    assert box.requests == before
    assert path.read_bytes() == received(box, User.me())
    assert [page.title for page in Export.read(path).pages] == [page.title for page in export.pages]
    assert os.listdir(tmp_path) == ["backpack.xml"]


def test_a_saved_export_is_private(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "backpack.xml"
    User.me().export().save(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TOKEN not in path.read_text("utf-8")


def test_an_existing_file_is_replaced_on_request_only(
    connection: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "backpack.xml"
    export = User.me().export()
    export.save(path)
    old = path.read_bytes()
    Page.create(title="Porto")
    newer = User.me().export()
    with pytest.raises(FileExistsError, match="exists already: choose another path, or overwrite"):
        newer.save(path)
    assert path.read_bytes() == old
    newer.save(path, overwrite=True)
    assert b"Porto" in path.read_bytes()
    assert os.listdir(tmp_path) == ["backpack.xml"]


def test_an_export_from_a_file_is_saved_again(tmp_path: Path) -> None:
    content = b"<?xml version='1.0'?>\n<pages>\r\n<page id='7' title='P &#233;'/></pages>\n\n"
    Export.read(content).save(tmp_path / "copy.xml")
    assert (tmp_path / "copy.xml").read_bytes() == content


def test_a_full_disk_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "backpack.xml"
    path.write_bytes(b"earlier")
    monkeypatch.setattr(os, "fsync", is_full)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, b"new", overwrite=True)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "other.xml", b"new", overwrite=False)
    assert os.listdir(tmp_path) == ["backpack.xml"]
    assert path.read_bytes() == b"earlier"


def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backpack.xml"
    sync = os.fsync

    def appears(handle: int) -> None:
        sync(handle)
        path.write_bytes(b"other")

    monkeypatch.setattr(os, "fsync", appears)
    with pytest.raises(FileExistsError):
        write_file(path, b"new", overwrite=False)
    assert path.read_bytes() == b"other"
    assert os.listdir(tmp_path) == ["backpack.xml"]


def test_a_link_to_nowhere_is_a_file_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "backpack.xml"
    path.symlink_to(tmp_path / "elsewhere.xml")
    with pytest.raises(FileExistsError):
        write_file(path, b"new", overwrite=False)
    assert not (tmp_path / "elsewhere.xml").exists()


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Export.read(b"<pages/>").save(tmp_path / "no" / "backpack.xml")

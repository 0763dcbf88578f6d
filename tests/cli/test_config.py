"""Profiles, and where each setting and the token come from."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from backpack_orm.cli import config, folders, tokens
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner


class MemoryKeyring(KeyringBackend):
    """A keyring that forgets everything at the end."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stored: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.stored.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.stored[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.stored[service, username]


class LockedKeyring(MemoryKeyring):
    """A keyring that cannot be read."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("it is locked")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    found = MemoryKeyring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: found)
    monkeypatch.setattr(keyring, "get_password", found.get_password)
    monkeypatch.setattr(keyring, "set_password", found.set_password)
    monkeypatch.setattr(keyring, "delete_password", found.delete_password)
    return found


@pytest.fixture
def file(home: Path) -> Path:
    return home / "config.toml"


def login(offline: Runner, box: Sandbox, *options: str) -> None:
    found = offline("login", box.url, "--token-stdin", *options, input=f"{box.token}\n")
    assert found.code == 0, found.stderr
    assert "as Nora Whitfield" in found.stderr


# --- login ------------------------------------------------------------------------------------


def test_login_checks_the_token_and_stores_it_in_the_keyring(
    offline: Runner, shared_box: Sandbox, ring: MemoryKeyring, file: Path
) -> None:
    before = shared_box.requests
    login(offline, shared_box)
    assert shared_box.requests - before == 1
    assert ring.stored == {("backpack_orm", shared_box.url): shared_box.token}
    assert tomllib.loads(file.read_text()) == {"profiles": {"default": {"account": shared_box.url}}}
    assert offline("page", "list").code == 0
    assert offline("whoami", "-o", "json").data["token_source"] == "keyring"


def test_a_wrong_token_is_not_stored(
    offline: Runner, shared_box: Sandbox, ring: MemoryKeyring, file: Path
) -> None:
    found = offline("login", shared_box.url, "--token-stdin", input="0123456789abcdef\n")
    assert found.code == 3
    assert ring.stored == {}
    assert not file.exists()


def test_a_file_with_tokens_is_private_and_warned_of(
    offline: Runner, shared_box: Sandbox, ring: MemoryKeyring, home: Path
) -> None:
    found = offline(
        "login", shared_box.url, "--token-stdin", "--store", "file", input=shared_box.token
    )
    path = home / "tokens.json"
    assert f"Warning: the token is not encrypted in {path}" in found.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ring.stored == {}
    assert offline("whoami", "-o", "json").data["token_source"] == str(path)


def test_a_file_that_others_can_read_is_refused(
    offline: Runner, shared_box: Sandbox, ring: MemoryKeyring, home: Path
) -> None:
    login(offline, shared_box, "--store", "file")
    (home / "tokens.json").chmod(0o644)
    found = offline("page", "list")
    assert found.code == 1
    assert "others can read" in found.stderr
    assert f"chmod 600 {home / 'tokens.json'}" in found.stderr


def test_login_without_a_keyring_names_the_other_ways(
    offline: Runner, shared_box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_keyring", lambda: None)
    found = offline("login", shared_box.url, "--token-stdin", input=shared_box.token)
    assert found.code == 1
    for way in ("backpack_orm[keyring]", "token_command", "--store file"):
        assert way in found.stderr


def test_login_asks_nothing_without_a_terminal(offline: Runner) -> None:
    assert "the account is missing" in offline("login").stderr
    assert "--token-stdin" in offline("login", "acme").stderr
    assert offline("login", "acme", "--token-stdin", input="").code == 3


def test_two_profiles_have_tokens_of_their_own(
    offline: Runner, shared_box: Sandbox, ring: MemoryKeyring
) -> None:
    login(offline, shared_box)
    other = shared_box.url.replace("127.0.0.1", "localhost")
    found = offline("login", other, "--token-stdin", input=shared_box.token)
    assert found.code == 1
    assert f"backpack login {other} --profile NAME" in found.stderr
    offline("login", other, "--profile", "work", "--token-stdin", input=shared_box.token)
    assert {url for _, url in ring.stored} == {shared_box.url, other}
    assert offline("whoami", "--profile", "work", "-o", "json").data["account"] == other


def test_logout_removes_the_token_and_leaves_the_profile(
    offline: Runner, shared_box: Sandbox, ring: MemoryKeyring, file: Path
) -> None:
    login(offline, shared_box)
    login(offline, shared_box, "--store", "file")
    found = offline("logout")
    assert found.code == 0
    assert "from: keyring," in found.stderr
    assert ring.stored == {}
    assert shared_box.token not in folders.token_file().read_text()
    assert offline("page", "list").code == 3
    assert offline("logout").code == 2
    assert "default" in file.read_text()


def test_a_locked_keyring_is_named(
    offline: Runner, file: Path, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('[profiles.default]\naccount = "acme"\n')
    monkeypatch.setattr(keyring, "get_password", LockedKeyring().get_password)
    found = offline("page", "list")
    assert found.code == 3
    assert "the keyring cannot be used: it is locked" in found.stderr


# --- the token command ------------------------------------------------------------------------


def test_a_command_prints_the_token(
    offline: Runner, shared_box: Sandbox, file: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{shared_box.token}\nand a comment\n")
    file.write_text(
        f'[profiles.default]\naccount = "{shared_box.url}"\ntoken_command = "cat {secret}"\n'
    )
    assert offline("whoami", "-o", "json").data["token_source"] == "token_command"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ('"false"', "it ended with 1"),
        ('"no-such-program"', "No such file"),
        ('["true"]', "has printed no token"),
        ('"echo \'open"', "No closing quotation"),
    ],
)
def test_a_failing_command_is_named(command: str, told: str, offline: Runner, file: Path) -> None:
    file.write_text(f'[profiles.default]\naccount = "acme"\ntoken_command = {command}\n')
    found = offline("page", "list")
    assert found.code == 3
    assert told in found.stderr


# --- selecting a profile ----------------------------------------------------------------------

TWO = '[profiles.home]\naccount = "acme"\n[profiles.work]\naccount = "works"\n'


def shown(offline: Runner, *options: str) -> dict[str, tuple[str | None, str]]:
    found = offline("config", "show", "-o", "json", *options)
    assert found.code == 0, found.stderr
    return {row["setting"]: (row["value"], row["source"]) for row in found.data}


def test_an_option_wins_over_the_environment_and_the_file(
    offline: Runner, file: Path, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('default = "home"\n' + TWO)
    assert shown(offline)["profile"] == ("home", f"default in {file}")
    monkeypatch.setenv("BACKPACK_PROFILE", "work")
    assert shown(offline)["profile"] == ("work", "BACKPACK_PROFILE")
    assert shown(offline, "--profile", "home")["profile"] == ("home", "--profile")
    assert shown(offline)["account"] == ("works", f"{file}, profile 'work'")


def test_the_only_profile_needs_no_name(offline: Runner, file: Path, ring: MemoryKeyring) -> None:
    file.write_text('[profiles.somewhere]\naccount = "acme"\n')
    assert shown(offline)["profile"] == ("somewhere", f"the only one in {file}")


def test_an_account_in_the_environment_wins_over_an_unnamed_profile_only(
    offline: Runner, file: Path, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('default = "home"\n' + TWO)
    monkeypatch.setenv("BACKPACK_URL", "elsewhere")
    assert shown(offline)["account"] == ("elsewhere", "BACKPACK_URL")
    assert shown(offline, "--profile", "work")["account"][0] == "works"


def test_the_token_of_the_environment_is_not_sent_to_the_account_of_a_profile(
    offline: Runner, file: Path, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(TWO)
    monkeypatch.setenv("BACKPACK_URL", "elsewhere")
    monkeypatch.setenv("BACKPACK_TOKEN", "0123456789abcdef")
    assert shown(offline)["token"] == ("(hidden)", "BACKPACK_TOKEN")
    assert shown(offline, "--profile", "work")["token"] == (None, "nowhere")
    monkeypatch.delenv("BACKPACK_URL")
    assert shown(offline, "--profile", "work")["token"] == ("(hidden)", "BACKPACK_TOKEN")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("profiles = 7", "profiles has to be a table"),
        ("[profiles]\nhome = 7", "the profile 'home' has to be a table"),
        ("[profile.home]", "there is no setting 'profile'"),
        ('[profiles.home]\nacount = "acme"', "Did you mean 'account'?"),
        ("[profiles.home]\naccount = 7", "account of the profile 'home' has to be a text"),
        ("[profiles.home]\nmax_wait = true", "has to be a number of seconds"),
        ('[profiles.home]\npager = "no"', "has to be true or false"),
        ("[profiles.home", "is not valid TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, told: str, offline: Runner, file: Path) -> None:
    file.write_text(text)
    found = offline("config", "show")
    assert found.code == 1
    assert str(file) in found.stderr
    assert told in found.stderr


def test_a_file_that_is_not_utf_8_is_named(offline: Runner, file: Path) -> None:
    file.write_bytes(b"[profiles.home]\naccount = 'Sintra\xe9'\n")
    for words in (("config", "show"), ("login", "acme")):
        found = offline(*words)
        assert (found.code, found.stderr.splitlines()[0][:50]) == (1, f"Error: {file}"[:50])
        assert "is not valid TOML: 'utf-8' codec can't decode byte 0xe9" in found.stderr


def test_a_token_in_the_file_is_refused_and_not_shown(offline: Runner, file: Path) -> None:
    file.write_text('[profiles.home]\naccount = "acme"\ntoken = "0123456789abcdef"\n')
    found = offline("page", "list")
    assert found.code == 1
    assert "a token has no place in this file" in found.stderr
    assert "0123456789abcdef" not in found.stderr


def test_the_path_of_a_file_with_a_mistake_is_printed(offline: Runner, file: Path) -> None:
    file.write_text("profiles = [")
    assert offline("config", "path").stdout == f"{file}\n"
    assert offline("config", "path", "-o", "json").data["path"] == str(file)


def test_the_path_of_the_file_is_printed(offline: Runner, file: Path) -> None:
    assert offline("config", "path").stdout == f"{file}\n"


def test_the_file_is_in_the_folder_of_the_platform(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BACKPACK_CONFIG")
    assert folders.config_file() == home / "config" / "backpack_orm" / "config.toml"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_an_added_profile_can_be_read_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: str
) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    os.environ["BACKPACK_CONFIG"] = str(path)
    try:
        path.write_text("# mine\n[profiles.a]\naccount = 'b'", "utf-8")
        config.add_profile("x" + name, value)
        text = path.read_text("utf-8")
    finally:
        del os.environ["BACKPACK_CONFIG"]
    assert text.startswith("# mine\n")
    assert tomllib.loads(text)["profiles"] == {
        "a": {"account": "b"},
        "x" + name: {"account": value},
    }


def test_adding_a_profile_leaves_links_and_line_breaks_as_they_are(
    file: Path, tmp_path: Path
) -> None:
    before = b"# mine\r\n[profiles.a]\r\naccount = 'b'\r\n"
    own = tmp_path / "dotfiles.toml"
    own.write_bytes(before)
    file.symlink_to(own)
    config.add_profile("home", "acme")
    assert file.is_symlink()
    assert own.read_bytes().startswith(before)
    assert config.load().profile("home").account == "acme"


def test_a_file_with_tokens_of_another_form_is_named(
    offline: Runner, home: Path, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "tokens.json").write_text('["0123456789abcdef"]')
    (home / "tokens.json").chmod(0o600)
    monkeypatch.setenv("BACKPACK_URL", "acme")
    found = offline("page", "list")
    assert found.code == 1, found.stderr
    assert "tokens.json is no JSON object with a token for each address" in found.stderr


def test_the_options_of_a_profile_reach_the_connection(
    offline: Runner, shared_box: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        f'[profiles.default]\naccount = "{shared_box.url}"\ntimezone = "Europe/Lisbon"\n'
        "timeout = 3\nread_only = true\n"
    )
    monkeypatch.setenv("BACKPACK_TOKEN", shared_box.token)
    assert offline("reminder", "list").lines[0][1].endswith("+01:00")
    assert offline("page", "new", "Porto").code == 4


def test_the_libraries_of_the_extra_are_named_if_they_are_missing(home: Path) -> None:
    script = "import sys\nsys.modules['click'] = None\nfrom backpack_orm.cli import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        'Error: backpack requires click, part of an extra: pip install "backpack_orm[cli]"\n'
    )

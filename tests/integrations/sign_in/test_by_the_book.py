"""The table of RFC 9700 and RFC 6819: each point has tests, and some have theirs here."""

from __future__ import annotations

import re
import socket
import threading
from itertools import chain
from typing import Any

import pytest
import requests

from backpack_orm import OAuthApp, ValidationError
from backpack_orm.integrations.sign_in import SignIn
from backpack_orm.sandbox import Sandbox
from tests.connection.oauth.test_local_sign_in import Person, local_app
from tests.docs.documents import ROOT
from tests.integrations.sign_in.conftest import CALLBACK, SECRET, Memory

CLIENT, WEB = "connection/oauth", "integrations/sign_in/test_signing_in.py"
PROVIDER, HERE = "sandbox/test_oauth.py", "integrations/sign_in/test_by_the_book.py"
POINTS = {
    "forged returns": [
        (WEB, "test_a_return_that_was_not_started_here_is_refused"),
        (WEB, "test_a_return_counts_once"),
        (f"{CLIENT}/test_signing_in.py", "test_a_state_is_required"),
        (PROVIDER, "test_allowing_redirects_with_a_code_and_the_state"),
    ],
    "redirect addresses": [
        (f"{CLIENT}/test_signing_in.py", "test_what_is_not_the_return_of_this_sign_in_is_refused"),
        (PROVIDER, "test_what_must_not_be_answered_is_not_redirected"),
        (PROVIDER, "test_an_unsafe_redirect_address_is_refused"),
    ],
    "open redirectors": [
        (WEB, "test_no_other_site_is_returned_to"),
        (PROVIDER, "test_what_must_not_be_answered_is_not_redirected"),
    ],
    "mix-up": [
        (HERE, "test_a_return_from_one_provider_is_not_sent_to_another"),
        (f"{CLIENT}/test_safety.py", "test_no_href_in_an_answer_is_requested"),
    ],
    "replayed codes": [
        (f"{CLIENT}/test_signing_in.py", "test_a_code_whose_answer_was_lost_is_not_sent_again"),
        (PROVIDER, "test_a_code_that_is_used_again_revokes_all_that_was_issued_for_it"),
        (PROVIDER, "test_a_code_of_another_application_is_refused_and_stays_valid"),
        (PROVIDER, "test_a_code_expires_after_a_minute"),
    ],
    "refresh tokens": [
        (f"{CLIENT}/test_refreshing.py", "test_a_token_that_another_one_has_replaced_is_used"),
        (PROVIDER, "test_an_old_refresh_token_revokes_the_family"),
    ],
    "other grants": [(PROVIDER, "test_a_wrong_request_is_refused_with_the_reason")],
    "secrets of applications": [
        (f"{CLIENT}/test_answers.py", "test_a_code_is_sent_as_a_form_and_not_in_the_address"),
        (f"{CLIENT}/test_safety.py", "test_no_failure_of_the_provider_reveals_one"),
        (PROVIDER, "test_the_secret_is_required"),
        ("sandbox/test_oauth_processes.py", "test_only_hashes_are_stored"),
    ],
    "access tokens": [
        (f"{CLIENT}/test_safety.py", "test_an_access_token_goes_to_backpack_only"),
        (f"{CLIENT}/test_safety.py", "test_an_access_token_is_never_sent_in_clear"),
        (PROVIDER, "test_one_is_valid_as_a_bearer_token_only"),
        (PROVIDER, "test_an_access_token_reaches_no_account_of_others"),
    ],
    "referrers": [(WEB, "test_responses_stay_out_of_caches_frames_and_logs_of_others")],
    "caches": [
        (WEB, "test_responses_stay_out_of_caches_frames_and_logs_of_others"),
        (PROVIDER, "test_it_cannot_be_embedded_or_cached"),
    ],
    "307": [(PROVIDER, "test_allowing_redirects_with_a_code_and_the_state")],
    "clickjacking": [
        (PROVIDER, "test_it_cannot_be_embedded_or_cached"),
        (PROVIDER, "test_a_page_of_another_origin_cannot_answer_in_place_of_the_user"),
    ],
    "brute force": [(HERE, "test_nothing_can_be_guessed")],
    "logs": [
        (PROVIDER, "test_no_secret_is_logged"),
        (f"{CLIENT}/test_safety.py", "test_a_success_reveals_none"),
    ],
    "fixed sessions": [(WEB, "test_signing_in_starts_a_new_session")],
    "other programs": [
        (HERE, "test_another_program_that_connects_first_changes_nothing"),
        (HERE, "test_another_program_that_listens_first_cannot_use_what_it_sees"),
    ],
}


def never(text: str) -> str:
    raise AssertionError("nothing should be pasted")


def test_each_point_of_the_table_has_its_tests() -> None:
    text = (ROOT / "docs/signing-in.md").read_text("utf-8").partition("## By the book")[2]
    rows = re.findall(r"^\| (?!point)([^|]+) \|", text, re.MULTILINE)
    assert len(rows) == len(POINTS)
    assert all(row.startswith(point) for row, point in zip(rows, POINTS, strict=True))
    for file, name in chain.from_iterable(POINTS.values()):
        assert f"def {name}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_a_return_from_one_provider_is_not_sent_to_another(
    provider: Sandbox, storage: Memory, flow: SignIn
) -> None:
    elsewhere = OAuthApp("trips", SECRET, CALLBACK, provider="http://127.0.0.1:9")
    session: dict[str, Any] = {}
    back = provider.oauth.allow(flow.start(session), "Ann")
    query = back.partition("?")[2]
    with pytest.raises(ValidationError, match="no sign-in with this state was started"):
        SignIn(elsewhere, storage).finish(dict(session), query, dict)
    assert flow.finish(session, query, session.clear) == "/"


def test_nothing_can_be_guessed(provider: Sandbox, flow: SignIn) -> None:
    session: dict[str, Any] = {}
    page = flow.start(session)
    back = provider.oauth.allow(page, "Ann")
    code, state = re.findall(r"(?:code|state)=([^&]+)", back)
    assert (len(code), len(state)) == (32, 43), "24 and 32 bytes as base64"
    grant = flow.app.exchange(back, state=state)
    tokens = (grant.access_token, grant.refresh_token or "")
    assert all(re.fullmatch("[0-9a-f]{40}", token) for token in tokens)
    assert len({code, state, *tokens}) == 4


def test_another_program_that_connects_first_changes_nothing(provider: Sandbox) -> None:
    """It holds connections open, sends half a request, and guesses."""
    held = []

    class Raced(Person):
        def before(self, back: Any) -> list[str]:
            host, _, port = back.split("/")[2].partition(":")
            for start in (b"", b"GET /back?code=evil HTTP/1.1\r\n", b"\x16\x03\x01"):
                for _ in range(20):
                    held.append(socket.create_connection((host, int(port))))
                    held[-1].sendall(start)
            address = back.partition("?")[0]
            return [f"{address}?code=evil&state={'A' * 43}", f"{address}?error=access_denied"]

    person = Raced(provider)
    grant = local_app(provider).sign_in(open_browser=person.open, ask=never, timeout=4)
    assert grant.accounts()
    assert [each.status_code for each in person.join()] == [404, 404, 200]
    for each in held:
        each.close()


def test_another_program_that_listens_first_cannot_use_what_it_sees(provider: Sandbox) -> None:
    app = local_app(provider)
    seen = threading.Event()

    def ask(text: str) -> str:
        back = provider.oauth.allow(text.split()[3])
        code = re.findall("code=([^&]+)", back)[0]
        fields = {
            "type": "web_server",
            "client_id": app.client_id,
            "redirect_uri": app.redirect_uri,
            "client_secret": "guessed",
            "code": code,
        }
        answer = requests.post(f"{provider.url}/authorization/token", data=fields, timeout=30)
        assert answer.status_code == 401
        seen.set()
        return back

    port = int(app.redirect_uri.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        grant = app.sign_in(open_browser=lambda url: pytest.fail(url), ask=ask)
    assert seen.is_set()
    assert grant.accounts()

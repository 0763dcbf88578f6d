"""The tree of errors: what each is, what it says, and that it travels."""

import copy
import inspect
import pickle

import pytest

from backpack_orm import errors
from backpack_orm.errors import BackpackError, RateLimited, for_status

ALL = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, BackpackError)
]
WAYS = [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]


@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("kind", ALL)
def test_an_error_travels_with_all_that_it_knows(kind, way):
    error = kind("no", verb="POST", path="/ws/page/7", status=404, excerpt="<x>")
    error.add("title was saved")
    if kind is RateLimited:
        error.retry_after = 3.0
    other = way(error)
    assert type(other) is kind
    assert vars(other) == vars(error)
    assert str(other) == "no; title was saved (404 to POST /ws/page/7): '<x>'"


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_one_of_this_library(kind):
    with pytest.raises(BackpackError):
        raise kind("no")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.NotFound, LookupError),
        (errors.Timeout, TimeoutError),
        (errors.Timeout, OSError),
        (errors.ValidationError, ValueError),
    ],
)
def test_an_error_is_a_builtin_one_too_where_that_is_natural(kind, builtin):
    with pytest.raises(builtin):
        raise kind("no")


@pytest.mark.parametrize(
    "kind",
    [
        errors.AuthenticationError,
        errors.Forbidden,
        errors.NotFound,
        errors.Rejected,
        errors.RateLimited,
        errors.ServerError,
    ],
)
def test_refusals_of_the_service_are_api_errors(kind):
    assert issubclass(kind, errors.ApiError)
    assert not issubclass(kind, errors.TransportError)


@pytest.mark.parametrize("kind", [errors.Timeout, errors.OutcomeUnknown, errors.UnexpectedRedirect])
def test_exchanges_that_did_not_end_are_transport_errors(kind):
    assert issubclass(kind, errors.TransportError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ApiError),
        (401, errors.AuthenticationError),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (418, errors.ApiError),
        (422, errors.Rejected),
        (429, errors.RateLimited),
        (499, errors.ApiError),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (599, errors.ServerError),
    ],
)
def test_a_status_has_its_class(status, kind):
    assert for_status(status) is kind


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({}, "no"),
        ({"verb": "GET", "path": "/me.xml"}, "no (GET /me.xml)"),
        ({"verb": "GET", "path": "/me.xml", "status": 500}, "no (500 to GET /me.xml)"),
        ({"status": 500}, "no"),
        ({"excerpt": "<html>\n"}, "no: '<html>\\n'"),
    ],
)
def test_an_error_says_what_it_knows(details, text):
    assert str(BackpackError("no", **details)) == text


def test_the_repr_of_an_error_names_its_class():
    assert repr(errors.NotFound("no", verb="GET", path="/x")) == "NotFound('no (GET /x)')"


def test_an_error_knows_nothing_it_was_not_told():
    error = BackpackError("no")
    assert (error.verb, error.path, error.status, error.excerpt) == (None,) * 4
    assert RateLimited("no").retry_after is None

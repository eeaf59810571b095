"""Errors of the core arrive as exceptions of the kind's class, with every field."""

import copy
import pickle
import sys
import traceback

import pytest

from mcp_gateway import GatewayError, ImageReference, exceptions
from mcp_gateway._native import ERROR_KINDS


def raised(text: str) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        ImageReference.parse(text)
    return caught.value


def test_every_kind_has_its_class_and_every_class_its_kind() -> None:
    classes = [exceptions.class_for(kind) for kind in ERROR_KINDS]
    assert [error.kind for error in classes] == list(ERROR_KINDS)
    assert set(classes) == set(GatewayError.__subclasses__())
    assert {getattr(exceptions, error.__name__) for error in classes} == set(classes)


@pytest.mark.parametrize("kind", ERROR_KINDS)
def test_every_class_survives_a_copy_to_another_process(kind: str) -> None:
    error = exceptions.class_for(kind)("it failed", operation="A::b", context={"server": "x"}, hints=["try"])
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(twin), str(twin), vars(twin)) == (type(error), "it failed", vars(error))


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("invalid_input", ValueError),
        ("not_found", LookupError),
        ("missing_secret", LookupError),
        ("denied", PermissionError),
        ("unauthorized", PermissionError),
        ("timeout", TimeoutError),
    ],
)
def test_some_are_built_in_exceptions_too(kind: str, builtin: type[Exception]) -> None:
    assert issubclass(exceptions.class_for(kind), builtin)


def test_an_error_of_the_core_has_every_field() -> None:
    error = raised("--privileged")
    assert type(error) is exceptions.InvalidInputError
    assert str(error) == "`--privileged` is not an image reference: the repository must start with a letter or digit"
    assert (error.kind, error.operation, error.context) == ("invalid_input", None, {})
    assert (error.fault, error.retryable, error.__cause__) == ("client", False, None)


def test_the_cause_is_chained_and_its_hint_is_shown() -> None:
    error = raised("mcp/time@sha256:12")
    assert isinstance(error.__cause__, exceptions.InvalidInputError)
    assert error.__cause__.hints == ("a digest is `sha256:` and 64 hex digits",)
    if sys.version_info >= (3, 11):
        assert "hint: a digest is `sha256:`" in "".join(traceback.format_exception(error))

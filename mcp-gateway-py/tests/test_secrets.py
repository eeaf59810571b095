"""What the stores of a home hold, and how a server is given it."""

from pathlib import Path
from typing import Any

import pytest

from mcp_gateway import PolicySpec, ProfileSpec, SecretKey, ServerSpec, blocking
from mcp_gateway.exceptions import InvalidInputError
from mcp_gateway.options import OpenArguments
from mcp_gateway.secrets import SecretStatus, list_secrets, remove_secret, rotate_secrets, set_secret


def test_secrets_of_a_home_are_kept_listed_and_forgotten(options: OpenArguments, tmp_path: Path) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept.env"
    key = SecretKey("CASES_TOKEN", "cases", "cases")
    assert list_secrets(home=home) == []
    set_secret(key, "hunter2-hunter2", expires="2999-01-31", home=home)
    kept.write_text("CASES_TOKEN=other-other\n")
    found = list_secrets(home=home, stores=[f"file:{kept}"])
    assert [secret.key for secret in found] == [SecretKey("CASES_TOKEN"), key]
    assert isinstance(found[1], SecretStatus)
    assert (found[1].expires, found[1].last_use) == ("2999-01-31T00:00:00.000Z", None)
    spec = ProfileSpec(
        "cases", servers={"cases": ServerSpec(delivery={"CASES_TOKEN": "file"})}, policy=PolicySpec("allow")
    )
    # With a trail in the home: one in memory tells nobody else who was given what.
    kept_options: Any = {name: value for name, value in options.items() if name != "audit"}
    with blocking.Gateway.open(spec, **kept_options) as gateway:
        assert gateway.inspect("cases").secrets[0]["delivery"] == "file"
        assert "hunter2" not in gateway.call_tool("echo", {"text": "x"}).text
    used = list_secrets(home=home)[0].last_use
    assert used is not None
    assert (used.profile, used.server) == ("cases", "cases")
    assert rotate_secrets(home=home).startswith("age:")
    remove_secret(str(key), home=home)
    with pytest.raises(LookupError, match="no secret"):
        remove_secret(key, home=home)
    with pytest.raises(InvalidInputError):
        set_secret("a b", "x", home=home)
    with pytest.raises(InvalidInputError):
        set_secret("A", "x", home=home, expires="soon")

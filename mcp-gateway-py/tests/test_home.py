"""Profiles that others share, and clients, without a gateway."""

import json
from pathlib import Path

import pytest

from mcp_gateway import home
from mcp_gateway.exceptions import GatewayError, InvalidInputError


def test_a_profile_goes_to_another_home(tmp_path: Path) -> None:
    """A template, exported and taken over, is the same; what was changed on the way is refused."""
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "lab.json"
    assert home.create_profile("lab", "empty", home=first)["name"] == "lab"
    assert {template["name"] for template in home.templates()} >= {"read-only", "development", "research", "data"}
    exported = home.export_profile("lab", file=file, home=first)
    taken = home.import_profile(file, home=second, name="copy", digest=exported["digest"])
    assert (taken["profile"], taken["warnings"]) == ("copy", [])
    assert home.diff_profiles("copy", str(file), home=second) == {"profile": [], "pins": []}
    file.write_text(exported["text"].replace("Nothing yet", "Everything"))
    with pytest.raises(GatewayError) as refused:
        home.import_profile(file, home=second, replace=True)
    assert refused.value.kind == "denied"
    with pytest.raises(InvalidInputError):
        home.push_profile("lab", "not a reference", home=first)


def test_a_client_is_connected_and_disconnected(tmp_path: Path) -> None:
    """A project's file is as it was before, to the byte."""
    file, text = tmp_path / ".mcp.json", '{\n\t"mcpServers": { }\n}'
    file.write_text(text)
    change = home.connect_client(
        "claude-code", home=tmp_path / "home", scope="project", folder=tmp_path, program="/opt/mcp-gateway"
    )
    assert change["changed"]
    entry = json.loads(file.read_text())["mcpServers"]["mcp-gateway"]
    assert entry["args"] == ["gateway", "run", "--profile", "default"]
    assert any(client["connected"] for client in home.clients(folder=tmp_path, home=tmp_path / "home"))
    home.disconnect_client("claude-code", home=tmp_path / "home", scope="project", folder=tmp_path)
    assert file.read_text() == text

"""Profiles that others share, catalogs, and clients, without a gateway."""

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


def test_catalogs_are_registered_approved_and_scoped(tmp_path: Path) -> None:
    """A catalog of one's own has a server, which is approved; a scope shuts another one out."""
    state, far = tmp_path / "home", tmp_path / "far.yaml"
    far.write_text("registry: {a: {type: server, title: A, image: mcp/a}, b: {type: server, title: B, image: mcp/b}}\n")
    assert home.add_catalog("far", far, home=state, verify="required")["servers"] == 2
    assert [change["change"] for change in home.sync_catalogs(home=state)] == ["unchanged"]
    assert home.create_catalog("own", "far", home=state)["servers"] == 2
    assert home.approve_catalog_server("own", "a", "ann", note="read it", home=state)["server"] == "a"
    with pytest.raises(InvalidInputError):
        home.approve_catalog_server("far", "a", "ann", home=state)
    home.revoke_catalog_server("own", "a", home=state)
    assert home.remove_catalog_server("own", "b", home=state)["servers"] == 1
    home.export_catalog("own", tmp_path / "own.yaml", home=state)
    assert "mcp/a" in (tmp_path / "own.yaml").read_text()
    assert {catalog["name"]: catalog["servers"] for catalog in home.catalogs(home=state)} == {"far": 2, "own": 1}
    (state / "scope.yaml").write_text("deny: [{server: b, reason: not ours}]\n")
    assert home.check_scope("a", "default", home=state)["admitted"]
    assert home.check_scope("b", "default", home=state)["scopes"][0]["reason"] == "not ours"
    assert home.remove_catalog("far", home=state)["change"] == "removed"
    with pytest.raises(GatewayError):
        home.add_catalog("other", far, home=state, verify_key="no key")

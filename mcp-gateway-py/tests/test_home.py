"""Profiles that others share, catalogs, and clients, without a gateway."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of a registry of this machine, as the tests of the core use it."""
    tools = Path(__file__).parents[2] / "target" / "test-signatures"
    program = Path(os.environ.get("MCP_GATEWAY_TEST_SIGNATURES", tools)) / "bin" / "docker-registry"
    if not program.exists():
        pytest.skip("there is no registry (make signatures)")
    file = tmp_path / "registry.yml"
    file.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/store}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n"
    )
    log = tmp_path / "registry.log"
    with log.open("w") as written, log.open() as read:
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        process = subprocess.Popen([program, "serve", file], stderr=written, stdout=written, env=environment)
        try:
            text = ""
            while not (listens := re.search(r"listening on ([\d.]+:\d+)[^\d:]", text)):
                assert process.poll() is None, text
                text += read.read()
            yield listens.group(1)
        finally:
            process.kill()
            process.wait()


def test_a_signature_goes_on_with_a_pulled_catalog(tmp_path: Path, registry: str) -> None:
    """Whoever pulls requires the key, from the first registry and from where the copy was pushed to."""
    first, middle, last = tmp_path / "first", tmp_path / "middle", tmp_path / "last"
    (tmp_path / "far.yaml").write_text("registry: {a: {type: server, title: A, image: mcp/a}}\n")

    def program(*arguments: str) -> str:
        command = [sys.executable, "-m", "mcp_gateway", "catalog", *arguments]
        environment = {**os.environ, "MCP_GATEWAY_HOME": str(first)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
        return done.stdout.strip()

    key = program("key", str(tmp_path / "signer.key"))
    other = program("key", str(tmp_path / "other.key"))
    home.create_catalog("mine", str(tmp_path / "far.yaml"), home=first)
    program("sign", "mine", "--key", str(tmp_path / "signer.key"))
    home.push_catalog("mine", f"{registry}/team/tools:1", home=first)
    with pytest.raises(GatewayError) as refused:
        home.pull_catalog(f"{registry}/team/tools:1", home=middle, verify_key=other)
    assert refused.value.kind == "denied"
    assert home.catalogs(home=middle) == []
    home.pull_catalog(f"{registry}/team/tools:1", home=middle)
    assert "notes" not in home.push_catalog("tools", f"{registry}/mirror/tools:1", home=middle)
    assert home.pull_catalog(f"{registry}/mirror/tools:1", home=last, verify_key=key)["change"] == "added"
    assert home.catalogs(home=last)[0]["signed"]["key"] == key

    (middle / "catalogs" / "tools.yaml").write_text("registry: {}\n")
    exported = home.export_catalog("tools", tmp_path / "out.yaml", home=middle)
    assert "without its signature" in exported["notes"][0]
    assert "notes" in home.push_catalog("tools", f"{registry}/mirror/tools:1", home=middle)
    assert home.sync_catalogs("tools", home=last)[0]["change"] == "failed"

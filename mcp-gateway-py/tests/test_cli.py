"""The command line that comes with the package."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import mcp_gateway

SCRIPT = shutil.which("mcp-gateway", path=sysconfig.get_path("scripts"))


@pytest.mark.parametrize("command", [[sys.executable, "-m", "mcp_gateway"], [SCRIPT]], ids=["module", "script"])
def test_is_the_program(command: list[str], tmp_path: Path) -> None:
    environment = {"MCP_GATEWAY_HOME": str(tmp_path)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment
        )

    assert json.loads(run("version", "--format", "json").stdout)["version"] == mcp_gateway.__version__
    assert run("profile", "create", "dev").returncode == 0
    assert "dev" in run("profile", "ls").stdout
    missing = run("profile", "show", "nobody")
    assert (missing.returncode, missing.stdout) == (11, "")
    assert "nobody" in missing.stderr
    assert "Usage: mcp-gateway" in run("--help").stdout


def test_a_pipe_that_closes_ends_it_quietly() -> None:
    shell = f"'{sys.executable}' -m mcp_gateway --help | head -n 1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_docker_can_run_the_script(tmp_path: Path) -> None:
    assert SCRIPT is not None
    environment = {"DOCKER_CONFIG": str(tmp_path), "MCP_GATEWAY_HOME": str(tmp_path)}
    installed = subprocess.run(
        [SCRIPT, "toolkit", "install"], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert installed.returncode == 0, installed.stderr
    plugin = tmp_path / "cli-plugins" / "docker-mcp"
    asked = subprocess.run(
        [plugin, "docker-cli-plugin-metadata"], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert json.loads(asked.stdout)["SchemaVersion"] == "0.1.0"

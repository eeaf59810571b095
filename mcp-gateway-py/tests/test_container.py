"""A real server in a container, and that none stays behind."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mcp_gateway import Gateway, blocking, home
from mcp_gateway.options import OpenArguments

IMAGE = "mcp-gateway-test/time:1"
CATALOG = {"registry": {"time": {"title": "Time", "type": "server", "image": IMAGE}}}
PROFILE = {"name": "time", "servers": {"time": {}}, "policy": {"default": "allow"}}


@pytest.fixture
def options(tmp_path: Path) -> OpenArguments:
    """What a gateway over the container is opened with."""
    docker = shutil.which("docker")
    command = [docker or "docker", "image", "inspect", IMAGE]
    if docker is None or subprocess.run(command, capture_output=True, timeout=30, check=False).returncode != 0:
        # Where everything was set up for it, a container that is missing is a failure.
        assert os.environ.get("MCP_GATEWAY_TEST") != "docker", f"there is no engine with the image {IMAGE}"
        pytest.skip(f"there is no engine with the image {IMAGE} (`make images`)")
    return {"home": tmp_path / "home", "catalogs": [CATALOG], "audit": "memory", "runtimes": ["docker"]}


def containers(options: OpenArguments) -> list[dict[str, Any]]:
    """The containers of this home."""
    home = options["home"]
    with blocking.Gateway.open({"name": "empty"}, home=home, audit="memory", runtimes=["docker"]) as gateway:
        return gateway.instances()


def test_the_client_of_the_official_sdk_calls_a_server_in_a_container(options: OpenArguments) -> None:
    mcp: Any = pytest.importorskip("mcp")

    async def main() -> None:
        async with (
            Gateway.open(PROFILE, **options) as gateway,
            gateway.transport("sdk") as (read, write),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            assert [tool.name for tool in (await session.list_tools()).tools] == ["get_current_time", "convert_time"]
            result = await session.call_tool("get_current_time", {"timezone": "Asia/Tokyo"})
            assert "Asia/Tokyo" in result.content[0].text
            assert [running["runtime"] for running in await gateway.instances()] == ["docker"]
            records = await gateway.audit(name="get_current_time")
            assert [record.event["principal"] for record in records] == ["sdk"]

    asyncio.run(main())
    assert containers(options) == []


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), 9)"], ids=["at the end", "by SIGKILL"])
def test_a_process_that_ends_leaves_no_container(end: str, options: OpenArguments) -> None:
    script = f"""
import os
from mcp_gateway import blocking
gateway = blocking.Gateway.open({PROFILE!r}, home={str(options["home"])!r}, catalogs=[{CATALOG!r}], runtimes=["docker"])
print(gateway.call_tool("get_current_time", {{"timezone": "Asia/Tokyo"}}).is_error, flush=True)
{end}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "False\n", done.stderr
    deadline = time.monotonic() + 30
    while containers(options) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert containers(options) == []


def test_what_was_run_is_known_to_prune(options: OpenArguments) -> None:
    opened: Any = {**options, "audit": None}
    with blocking.Gateway.open(PROFILE, **{name: value for name, value in opened.items() if value}) as gateway:
        assert not gateway.call_tool("get_current_time", {"timezone": "Asia/Tokyo"}).is_error
    folder = Path(str(options["home"]))
    assert home.prune_unused("1h", dry_run=True, home=folder) == []
    (used,) = home.prune_unused("1ms", dry_run=True, home=folder)
    assert (used["runtime"], used["server"]) == ("docker", "time")

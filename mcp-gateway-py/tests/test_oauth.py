"""Tokens of a remote server, from an authorization server of this machine."""

import asyncio
import http.client
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mcp_gateway import Gateway, PolicySpec, ProfileSpec, ServerSpec, blocking
from mcp_gateway.exceptions import DeniedError, NotFoundError, UnauthorizedError
from mcp_gateway.profile import OAuthSpec

SERVER = Path(__file__).parents[2] / "mcp-gateway-core" / "tests" / "servers" / "oauth.py"


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a protected server."""
    with subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.kill()


def opened(port: int, home: Path) -> tuple[ProfileSpec, dict[str, Any]]:
    """Returns the arguments of a gateway with the protected server."""
    remote = {"url": f"http://127.0.0.1:{port}/mcp", "transport_type": "streamable-http"}
    catalog = {"registry": {"far": {"title": "Far", "type": "remote", "remote": remote}}}
    spec = ServerSpec(allow_private=True, oauth=OAuthSpec(scopes=["write"]))
    profile = ProfileSpec("dev", servers={"far": spec}, policy=PolicySpec("allow"))
    return profile, {"home": home, "catalogs": [catalog], "audit": "memory"}


def approve(url: str) -> str:
    """Does what the browser of a person does who agrees, and returns where it is sent back to."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request("GET", f"{parts.path}?{parts.query}")
    location = connection.getresponse().getheader("Location")
    connection.close()
    assert location is not None
    return location


async def _authorized(port: int, home: Path) -> None:
    profile, options = opened(port, home)
    async with Gateway.open(profile, **options) as gateway:
        with pytest.raises(UnauthorizedError) as refused:
            await gateway.call_tool("far.whoami", {})
        assert "mcp-gateway oauth authorize far --profile dev" in refused.value.hints[0]
        assert [status.state for status in await gateway.oauth_status()] == ["needed"]

        begun = await gateway.oauth_begin("far", redirect_uri="http://127.0.0.1:7/cb", scopes=["read"])
        assert (begun.scopes, begun.redirect_uri) == (["read"], "http://127.0.0.1:7/cb")
        with pytest.raises(DeniedError):
            await gateway.oauth_finish("far", "http://127.0.0.1:7/cb?code=x&state=y")
        status = await gateway.oauth_finish("far", approve(begun.url))
        assert (status.state, status.scopes, status.issuer) == ("authorized", ["read"], f"http://127.0.0.1:{port}")
        assert status.expires is not None
        result = await gateway.call_tool("far.whoami", {})
        assert result.text == "Bearer *** with read"

        assert await gateway.oauth_revoke("far") is None
        with pytest.raises(NotFoundError):
            await gateway.oauth_revoke("far")


def test_a_server_is_authorized(port: int, tmp_path: Path) -> None:
    asyncio.run(_authorized(port, tmp_path / "home"))


def test_a_server_is_authorized_without_a_loop(port: int, tmp_path: Path) -> None:
    profile, options = opened(port, tmp_path / "home")
    with blocking.Gateway.open(profile, **options) as gateway:
        begun = gateway.oauth_begin("far")
        assert begun.scopes == ["write"]
        gateway.oauth_finish("far", approve(begun.url))
        assert gateway.call_tool("far.whoami", {}).text == "Bearer *** with write"
    # Another gateway of the home has the tokens; no file has them in clear.
    assert not any(b"access-" in path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    with blocking.Gateway.open(profile, **options) as gateway:
        assert [status.state for status in gateway.oauth_status()] == ["authorized"]
        assert gateway.oauth_revoke("far") is None
        assert [status.state for status in gateway.oauth_status()] == ["needed"]

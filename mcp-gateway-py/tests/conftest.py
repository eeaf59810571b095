"""Gateways over the server of the cases, in homes of their own."""

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcp_gateway import Gateway
from mcp_gateway.options import OpenArguments

CASES = Path(__file__).parents[2] / "mcp-gateway-core" / "tests" / "cases"


def catalog() -> dict[str, Any]:
    """Returns the catalog with the server of the cases, and with its twin."""
    server = CASES / "server.py"
    # The machine's own Python, because the sandbox shows no other folders.
    process = {"command": "/usr/bin/python3", "args": [str(server)], "read": [str(server)]}
    entry = {"type": "server", "process": process}
    secrets = [{"name": "cases.token", "env": "CASES_TOKEN", "required": False}]
    cases = {"title": "Cases", "description": "A little of each feature", "secrets": secrets, **entry}
    return {"registry": {"cases": cases, "twin": {"title": "Twin", "description": "The same again", **entry}}}


@pytest.fixture
def options(tmp_path: Path) -> OpenArguments:
    """What every gateway of a test is opened with."""
    if not Path("/usr/bin/python3").exists() or sys.platform != "linux":
        pytest.skip("the server of the cases needs Linux and /usr/bin/python3")
    return {"home": tmp_path / "home", "catalogs": [catalog()], "audit": "memory"}


PROFILE = {"name": "cases", "servers": {"cases": {}}, "policy": {"default": "allow"}}


def given(options: OpenArguments, **more: Any) -> Any:
    """Returns the options with some more."""
    return {**options, **more}


@pytest.fixture
def gateway(options: OpenArguments) -> AbstractAsyncContextManager[Gateway]:
    """A gateway that is not open yet; it can be entered once, and need not be, for a test may be skipped."""
    return _opened(options)


@asynccontextmanager
async def _opened(options: OpenArguments) -> AsyncIterator[Gateway]:
    async with Gateway.open(PROFILE, **options) as gateway:
        yield gateway

"""What a model reads of a tool's result, for the adapters of agent frameworks."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from mcp_gateway.exceptions import GatewayError
from mcp_gateway.model import ToolResult


def text_of(block: Mapping[str, Any]) -> str:
    """Returns the text of a content block or of the resource in it; of another block what describes its data."""
    inner = block.get("resource", block)
    if "text" in inner:
        return str(inner["text"])
    return json.dumps({key: value for key, value in inner.items() if key not in ("data", "blob")})


def error_text(name: str, result: ToolResult) -> str:
    """Returns what the model is told about a tool that failed, which is never nothing."""
    return result.text or f"`{name}` failed"


@contextmanager
def told_to_model(failure: type[Exception]) -> Generator[None]:
    """Raises as `failure`, which the framework shows to the model, what the model's own request caused.

    An example is a tool that policy denies. What failed in the gateway or in a server is for the host to handle.
    """
    try:
        yield
    except GatewayError as error:
        if error.fault != "client":
            raise
        raise failure(str(error)) from error

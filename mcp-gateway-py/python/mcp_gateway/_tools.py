"""Tools in the shape of a model API: what the two kinds of gateway share."""

import json
from collections.abc import Mapping
from typing import Any

from mcp_gateway import _native
from mcp_gateway._wire import arguments_text, dumps


def call_text(call: Any) -> str:
    """Returns the JSON of a tool call: a mapping, JSON text, or an object of an SDK."""
    if isinstance(call, str):
        return call
    if not isinstance(call, Mapping):
        for method in ("model_dump", "to_json_dict", "to_dict"):
            if hasattr(call, method):
                dumped: dict[str, Any] = getattr(call, method)()
                return json.dumps({key: value for key, value in dumped.items() if value is not None}, default=str)
        raise TypeError(f"a tool call is a mapping or an object of an SDK, not {type(call).__name__}")
    return json.dumps(call, default=str)


class ToolSetBase:
    """Tools in the shape of one API, with the way back from its names."""

    def __init__(self, native: _native.ToolSet) -> None:
        """Wraps the native half."""
        self._native = native
        shown: dict[str, Any] = json.loads(native.json())
        self.dialect: str = shown["dialect"]
        """The API."""
        self.tools: list[Any] = shown["tools"]
        """The tools as the API takes them, ready for JSON."""
        self.names: dict[str, str] = shown["names"]
        """The gateway's name of each tool by the name that the API knows."""
        self.changes: list[dict[str, str]] = shown["changes"]
        """What had to be adapted, each with `tool`, `path` (a JSON pointer) and `change`."""

    def name_of(self, api_name: str) -> str:
        """Returns the gateway's name of a tool that the API knows by this name; raises `NotFoundError`."""
        return self._native.name_of(api_name)

    def api_name_of(self, name: str) -> str | None:
        """Returns the name by which the API knows a tool of the gateway."""
        return self._native.api_name_of(name)

    def read_call(self, call: Any) -> dict[str, Any]:
        """Returns a tool call of the API as `{"id", "name", "arguments"}`, with the gateway's name."""
        read: dict[str, Any] = json.loads(self._native.read_call(call_text(call)))
        return read

    def answer(self, call: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what goes back to the model: a message, item, block or part of the API."""
        answered: dict[str, Any] = json.loads(self._native.answer(dumps(call), dumps(result)))
        return answered

    def refusal(self, call: Any, message: str) -> dict[str, Any]:
        """Returns what tells the model that its call was refused."""
        refused: dict[str, Any] = json.loads(self._native.refusal(call_text(call), message))
        return refused

    def _named(self, api_name: str, arguments: Mapping[str, Any] | str | bytes | None) -> dict[str, Any]:
        """Returns a call that a framework has taken apart already."""
        # Every API's reader takes arguments as text, too.
        text = arguments_text(arguments)
        calls: dict[str, dict[str, Any]] = {
            "openai-chat": {"type": "function", "function": {"name": api_name, "arguments": text}},
            "openai-responses": {"type": "function_call", "name": api_name, "arguments": text},
            "anthropic": {"type": "tool_use", "name": api_name, "input": text},
            "gemini": {"functionCall": {"name": api_name, "args": text}},
        }
        return self.read_call(calls[self.dialect])

"""JSON in the words of the gateway: camel case, nothing that is not said."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any, cast


def camel(name: str) -> str:
    """Returns the gateway's name of a field, such as `callTimeout` for `call_timeout`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def plain(value: Any) -> Any:
    """Returns a value as JSON has it: dataclasses as objects without the fields that are `None`, paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {
            field.metadata.get("wire", camel(field.name)): plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
        return {name: field for name, field in named.items() if field is not None}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(inner) for inner in cast("Sequence[object]", value)]
    return value


def dumps(value: Any) -> str:
    """Returns JSON text; what has no JSON form, `NaN` too, is an error."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def arguments_text(value: Mapping[str, Any] | str | bytes | None) -> str:
    """Returns the JSON of arguments that may be a mapping or JSON already, which is not read here."""
    if value is None:
        return "{}"
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else dumps(value)


def call_params(name: str, meta: Mapping[str, Any] | None = None) -> str:
    """Returns the parameters of `tools/call` and `prompts/get`, without their arguments."""
    text = '{"name":' + json.dumps(name)
    return text + (',"_meta":' + dumps(meta) + "}" if meta else "}")


def audit_query(
    since: int | None,
    server: str | None,
    name: str | None,
    principal: str | None,
    action: str | None,
    outcome: str | None,
    after: int | None,
    before: int | None,
    limit: int | None,
) -> dict[str, Any]:
    """Returns the conditions that are set."""
    return {condition: value for condition, value in locals().items() if value is not None}


def verdict(granted: bool, by: str, reason: str, scope: str, ttl_seconds: int | None) -> dict[str, Any]:
    """Returns an operator's answer in the gateway's form."""
    answer: dict[str, Any] = {"granted": granted, "by": by, "reason": reason, "scope": scope}
    return answer if ttl_seconds is None else answer | {"ttlSeconds": ttl_seconds}


def policy_question(
    name: str,
    arguments: Mapping[str, Any] | None,
    kind: str,
    principal: str,
    roles: Sequence[str],
    annotations: Mapping[str, Any] | None,
    approved: bool | None,
    time: str | None,
) -> dict[str, Any]:
    """Returns the request, as far as it is said."""
    said = {**locals(), "roles": list(roles)}
    return {key: value for key, value in said.items() if value is not None}

"""Profiles that others share, and the clients of a user, without a gateway; each function waits in the calling thread.

Every function takes `home`, the folder of the state, where that is not the usual one.
"""

import json
from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from mcp_gateway._native import share

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "ClientArguments",
    "ImportArguments",
    "clients",
    "connect_client",
    "create_profile",
    "diff_profiles",
    "disconnect_client",
    "export_profile",
    "import_profile",
    "pull_profile",
    "push_profile",
    "templates",
]

Folder = str | PathLike[str]


class ImportArguments(TypedDict, total=False):
    """How a profile is taken over."""

    home: Folder
    """The folder of the state."""
    name: str
    """The name that it gets, in the place of its own."""
    replace: bool
    """Whether a profile of that name is replaced."""
    trust_approvals: bool
    """Whether what the other home's operator has approved counts here."""
    digest: str
    """The digest that its bundle must have."""


class ClientArguments(TypedDict, total=False):
    """How a client is connected or disconnected."""

    home: Folder
    """The folder of the state."""
    scope: Literal["user", "project"]
    """Whose configuration."""
    folder: Folder
    """The project's folder; the current one where it is not said."""
    profile: str
    """The profile that the client gets."""
    name: str
    """The name under which the gateway stands there: `mcp-gateway`."""
    program: Folder
    """The program that the client starts: the path of `mcp-gateway`."""
    backup: bool
    """Whether a copy of the file is kept beside it."""
    force: bool
    """Whether a client counts that seems not to be installed, and an entry of somebody else's under the name."""
    dry_run: bool
    """Whether only the change is told and nothing is written."""


def _run(command: str, home: Folder | None = None, **fields: Any) -> Any:
    given = {"command": command, "home": None if home is None else fspath(home), **fields}
    return json.loads(
        share(json.dumps({name: value for name, value in given.items() if value is not None}, default=fspath))
    )


def _options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    words = {"trust_approvals": "trustApprovals", "dry_run": "dryRun"}
    return {words.get(name, name): value for name, value in arguments.items() if name != "home"}


def export_profile(profile: str, *, file: Folder | None = None, home: Folder | None = None) -> dict[str, Any]:
    """Exports a profile with its pins and the list of secrets it needs, into a file where one is named.

    Returns its `digest`, its `text` and its `secrets`, without their values.
    """
    done: dict[str, Any] = _run("export_profile", home, profile=profile, file=None if file is None else fspath(file))
    return done


def import_profile(file: Folder, **arguments: "Unpack[ImportArguments]") -> dict[str, Any]:
    """Takes a profile over from a file; returns `profile`, `digest`, `servers`, `secrets` and `warnings`.

    `servers` says of each whether its pin counts here; `secrets` of each whether it is stored here, and the command
    that stores it.
    """
    home = arguments.get("home")
    done: dict[str, Any] = _run("import_profile", home, file=fspath(file), options=_options(arguments))
    return done


def push_profile(profile: str, reference: str, *, home: Folder | None = None) -> dict[str, Any]:
    """Puts a profile into a registry, under a tag; returns `profile`, `digest` and `reference`, which has a digest."""
    done: dict[str, Any] = _run("push_profile", home, profile=profile, reference=reference)
    return done


def pull_profile(reference: str, **arguments: "Unpack[ImportArguments]") -> dict[str, Any]:
    """Takes a profile over from a registry, by a tag or by a digest; returns what `import_profile` returns."""
    home = arguments.get("home")
    done: dict[str, Any] = _run("pull_profile", home, reference=reference, options=_options(arguments))
    return done


def diff_profiles(first: str, second: str, *, home: Folder | None = None) -> dict[str, list[dict[str, Any]]]:
    """Returns what differs between two profiles, each a profile, a file, or a reference of a registry.

    `profile` has what is written differently and `pins` what is pinned differently, as `path`, `before` and `after`.
    """
    done: dict[str, list[dict[str, Any]]] = _run("diff_profiles", home, first=first, second=second)
    return done


def templates() -> list[dict[str, Any]]:
    """Returns the profiles to begin with: `name`, `text` and `profile` of each."""
    done: list[dict[str, Any]] = _run("templates")
    return done


def create_profile(profile: str, template: str, *, home: Folder | None = None) -> dict[str, Any]:
    """Creates a profile from a template, and returns it."""
    done: dict[str, Any] = _run("create_profile", home, profile=profile, template=template)
    return done


def clients(*, folder: Folder | None = None, home: Folder | None = None) -> list[dict[str, Any]]:
    """Returns every client that is known: the user's own configuration, and with a folder that project's.

    Each has `client`, `title`, `scope`, `path`, `installed` and `connected`, and where they are known `name`,
    `profile`, `program` and `problem`.
    """
    done: list[dict[str, Any]] = _run("clients", home, folder=None if folder is None else fspath(folder))
    return done


def connect_client(client: str, **arguments: "Unpack[ClientArguments]") -> dict[str, Any]:
    """Writes the gateway into a client's configuration; everything else in the file stays.

    Returns `path`, `changed`, `diff`, `next` and more.
    """
    done: dict[str, Any] = _run("connect_client", arguments.get("home"), client=client, options=_options(arguments))
    return done


def disconnect_client(client: str, **arguments: "Unpack[ClientArguments]") -> dict[str, Any]:
    """Takes the gateway out of a client's configuration; returns what `connect_client` returns."""
    done: dict[str, Any] = _run("disconnect_client", arguments.get("home"), client=client, options=_options(arguments))
    return done

"""Profiles that others share, catalogs, and the clients of a user, without a gateway.

Each function waits in the calling thread.

Every function takes `home`, the folder of the state, where that is not the usual one.
"""

import json
from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from mcp_gateway._native import share
from mcp_gateway._wire import camel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "CatalogArguments",
    "ClientArguments",
    "ImportArguments",
    "add_catalog",
    "add_catalog_server",
    "approve_catalog_server",
    "catalogs",
    "check_scope",
    "clients",
    "connect_client",
    "create_catalog",
    "create_profile",
    "diff_profiles",
    "disconnect_client",
    "export_catalog",
    "export_profile",
    "import_profile",
    "prune_unused",
    "pull_catalog",
    "pull_profile",
    "push_catalog",
    "push_profile",
    "remove_catalog",
    "remove_catalog_server",
    "revoke_catalog_server",
    "sync_catalogs",
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


class CatalogArguments(TypedDict, total=False):
    """How a catalog is fetched and registered."""

    home: Folder
    """The folder of the state."""
    replace: bool
    """Whether it takes the place of one of the same name."""
    allow_private: bool
    """Whether an address may be one that is not on the public internet."""
    verify_key: str
    """By whom it must be signed, from now on: `ed25519:…`."""
    allow_older: bool
    """Whether a signed catalog may take the place of a newer one."""
    images: Mapping[str, str]
    """What npm and PyPI packages of a registry are run in: `node` and `python`, each `IMAGE@sha256:…`."""
    verify: Literal["required", "if-present", "off"]
    """What happens with its images that are not signed, whatever it says itself; only where it is added."""


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
    return {camel(name): value for name, value in arguments.items() if name != "home"}


def _catalog(verb: str, home: Folder | None, **fields: Any) -> Any:
    return _run("catalog", home, verb={verb: {name: value for name, value in fields.items() if value is not None}})


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


def catalogs(*, home: Folder | None = None) -> list[dict[str, Any]]:
    """Returns the registered catalogs, each with `name`, `state`, `servers`, `origin` and what else is known of it."""
    done: list[dict[str, Any]] = _catalog("list", home)
    return done


def add_catalog(name: str, origin: Folder, **arguments: "Unpack[CatalogArguments]") -> dict[str, Any]:
    """Registers a catalog and copies it; returns `name`, `change`, `origin`, `servers` and `notes`.

    The origin is a path, `https://…`, `oci://REFERENCE`, `docker://IMAGE`, or `registry:https://…` for a
    registry of MCP servers.
    """
    done: dict[str, Any] = _catalog(
        "add", arguments.get("home"), name=name, origin=fspath(origin), options=_options(arguments)
    )
    return done


def sync_catalogs(*names: str, **arguments: "Unpack[CatalogArguments]") -> list[dict[str, Any]]:
    """Fetches catalogs anew, all where none is named; returns what became of each, with its `error` where it failed."""
    done: list[dict[str, Any]] = _catalog("sync", arguments.get("home"), names=list(names), options=_options(arguments))
    return done


def remove_catalog(name: str, *, home: Folder | None = None) -> dict[str, Any]:
    """Forgets a catalog; what it came from stays."""
    done: dict[str, Any] = _catalog("remove", home, name=name)
    return done


def create_catalog(name: str, source: str | None = None, **arguments: "Unpack[CatalogArguments]") -> dict[str, Any]:
    """Makes a catalog of one's own: empty, or as a registered one or an origin is now."""
    done: dict[str, Any] = _catalog(
        "create", arguments.get("home"), name=name, **{"from": source}, options=_options(arguments)
    )
    return done


def add_catalog_server(name: str, server: str, file: Folder, **arguments: "Unpack[CatalogArguments]") -> dict[str, Any]:
    """Puts a server that a file describes into a catalog of one's own."""
    done: dict[str, Any] = _catalog(
        "add_server",
        arguments.get("home"),
        name=name,
        server=server,
        file=fspath(file),
        options=_options(arguments),
    )
    return done


def remove_catalog_server(name: str, server: str, *, home: Folder | None = None) -> dict[str, Any]:
    """Takes a server out of a catalog of one's own."""
    done: dict[str, Any] = _catalog("remove_server", home, name=name, server=server)
    return done


def export_catalog(name: str, file: Folder, *, home: Folder | None = None) -> dict[str, Any]:
    """Writes a catalog into a file, its signature beside it; returns `name`, `file` and `notes`."""
    done: dict[str, Any] = _catalog("export", home, name=name, file=fspath(file))
    return done


def push_catalog(name: str, reference: str, *, home: Folder | None = None) -> dict[str, Any]:
    """Puts a catalog into a registry, with its signature; returns its `reference`, which has a digest, and `notes`."""
    done: dict[str, Any] = _catalog("push", home, name=name, reference=reference)
    return done


def pull_catalog(reference: str, name: str | None = None, **arguments: "Unpack[CatalogArguments]") -> dict[str, Any]:
    """Registers a catalog of a registry, under its own name where none is said.

    With a `verify_key`, only what that key has signed, from now on; else nothing is left behind.
    """
    done: dict[str, Any] = _catalog(
        "pull", arguments.get("home"), reference=reference, name=name, options=_options(arguments)
    )
    return done


def approve_catalog_server(
    name: str, server: str, by: str, *, note: str | None = None, home: Folder | None = None
) -> dict[str, Any]:
    """Writes down who approved a server's entry of a catalog of one's own, as it is now."""
    done: dict[str, Any] = _catalog("approve", home, name=name, server=server, by=by, note=note)
    return done


def revoke_catalog_server(name: str, server: str, *, home: Folder | None = None) -> dict[str, Any]:
    """Takes the approval of a server's entry away."""
    done: dict[str, Any] = _catalog("revoke", home, name=name, server=server)
    return done


def check_scope(server: str, profile: str, *, home: Folder | None = None) -> dict[str, Any]:
    """Returns whether a server exists for a profile (`admitted`), and what each of the `scopes` says and why."""
    done: dict[str, Any] = _catalog("check_scope", home, server=server, profile=profile)
    return done


def prune_unused(unused: str, *, dry_run: bool = False, home: Folder | None = None) -> list[dict[str, Any]]:
    """Removes images, packages and their volumes that no server of the home was run from for so long, such as `7d`.

    Returns what was removed, with `dry_run` what was not used: each with `runtime`, `image`, `lastUsed` (milliseconds
    since the Unix epoch) and `server`. What something else uses stays, and so does what the home has never run.
    """
    done: list[dict[str, Any]] = _run("prune_unused", home, unused=unused, dry_run=dry_run)
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

from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, final

__all__ = [
    "ERROR_KINDS",
    "Answer",
    "Canceller",
    "Connection",
    "Events",
    "Gateway",
    "ImageReference",
    "Mailbox",
    "Session",
    "ToolSet",
    "__version__",
    "audit_files",
    "home_secrets",
    "report",
    "run_cli",
    "share",
]

__version__: Final[str]
ERROR_KINDS: Final[tuple[str, ...]]

# Who waits for work: a future of a loop with the loop's mailbox, or the calling thread.
# With the first, work returns what cancels it; with the second, what it gave.
_Waiting: TypeAlias = tuple[Future[Any], Mailbox] | None

def run_cli(arguments: Sequence[str]) -> int:
    """Carries out a command line and gives its exit code; the first argument is the program."""

def audit_files(command: str) -> str:
    """Carries out a command about an audit file, as JSON in and JSON out; waits in the calling thread."""

def home_secrets(command: str) -> str:
    """Carries out a command about the secrets of a home, as JSON in and JSON out; waits in the calling thread."""

def share(command: str) -> str:
    """Carries out a command about profiles and clients, as JSON in and JSON out; waits in the calling thread."""

def report(error: BaseException) -> None:
    """Reports an exception that nobody awaits, to `sys.unraisablehook`."""

@final
class Mailbox:
    """Letters of the gateway to one event loop."""

    def __new__(cls, wake: Callable[[], object] | None = None) -> Mailbox: ...
    def fileno(self, /) -> int:
        """The socket to watch; -1 where `wake` is called instead."""
    def drain(self, /) -> None:
        """Reads every letter that is there."""
    def close(self, /) -> None:
        """Refuses further letters."""

@final
class Canceller:
    """Cancels one piece of work."""

    def __call__(self, /, _future: object = None) -> None: ...

@final
class Answer:
    """Takes the answer to one call; the first word counts."""

    def send(self, /, text: str) -> None:
        """Answers with the JSON of what the method returned."""
    def fail(self, /, reason: str) -> None:
        """Says that the method has raised."""
    def is_late(self, /) -> bool:
        """Whether the gateway has stopped waiting."""

@final
class Gateway:
    """An open gateway with threads of its own."""

    @staticmethod
    def open(
        waiting: _Waiting,
        options: str,
        hosts: Sequence[tuple[str, str, Sequence[str], Callable[[str, str, Answer], object]]],
    ) -> Any:
        """Opens a gateway: options as JSON, and the objects of Python that are parts of it."""
    @property
    def profile(self) -> str:
        """The profile's name."""
    @property
    def warnings(self) -> list[str]:
        """What is odd about the catalogs."""
    @property
    def is_forked(self) -> bool:
        """Whether this process is a fork of the one that opened the gateway."""
    def session(self, /, waiting: _Waiting, principal: str, roles: list[str]) -> Any:
        """Opens a session."""
    def command(self, /, waiting: _Waiting, command: str) -> Any:
        """Carries out a command of the host, JSON in and JSON out."""
    def events(self, /) -> Events:
        """Listens to events from now on."""
    def connect(self, /, waiting: _Waiting, principal: str, roles: list[str]) -> Any:
        """Connects a client of this process."""
    def close(self, /, waiting: _Waiting) -> Any:
        """Stops every server; the threads go on until `end`."""
    def end(self, /) -> None:
        """Ends the threads."""

@final
class Session:
    """A session."""

    @property
    def id(self) -> str:
        """Its id."""
    @property
    def principal(self) -> str:
        """Whose it is."""
    def request(
        self,
        /,
        waiting: _Waiting,
        method: str,
        params: str,
        arguments: str | None = None,
        timeout: float | None = None,
        progress: Callable[[bytes], object] | None = None,
    ) -> Any:
        """Carries out an MCP request: parameters as JSON, arguments apart from them, its result as JSON in bytes."""
    def list(self, /, waiting: _Waiting, method: str) -> Any:
        """A whole list by its method: `{"tools": […]}` in bytes, or as the method has it."""
    def roots_changed(self, /, waiting: _Waiting) -> Any:
        """Tells the session's servers that the roots of its client are others now."""
    def present_tools(self, /, waiting: _Waiting, dialect: str) -> Any:
        """The tools in the shape of a model API."""
    def close(self, /, waiting: _Waiting) -> Any:
        """Ends the session."""

@final
class Events:
    """Events from the moment of listening on."""

    def wait(self, /, waiting: _Waiting) -> Any:
        """Waits until there is an event to take, or there will be no more; gives whether there may be one."""
    def take(self, /) -> bytes | None:
        """The next event as JSON, if one is there."""
    def close(self, /) -> None:
        """Ends whoever waits for an event."""

@final
class Connection:
    """One client's connection."""

    def send(self, /, message: bytes) -> None:
        """Sends one message."""
    def wait(self, /, waiting: _Waiting) -> Any:
        """Waits until there is a message to take, or there will be no more; gives whether there may be one."""
    def take(self, /) -> bytes | None:
        """The next message, if one is there."""
    def close(self, /) -> None:
        """Ends the connection."""

@final
class ToolSet:
    """Tools in the shape of a model API, with the way back; JSON in and JSON out."""

    def json(self, /) -> str:
        """`{"dialect", "tools", "names", "changes"}`."""
    def name_of(self, /, api_name: str) -> str:
        """The gateway's name of a tool."""
    def api_name_of(self, /, name: str) -> str | None:
        """The API's name of a tool."""
    def read_call(self, /, call: str) -> str:
        """A call as the API sends it, as `{"id", "name", "arguments"}`."""
    def refusal(self, /, call: str, message: str) -> str:
        """What tells the model that its call was refused."""
    def answer(self, /, call: str, result: str) -> str:
        """What goes back to the model."""

@final
class ImageReference:
    """A reference to an image: repository, and a tag or a digest or both."""

    @staticmethod
    def parse(text: str) -> ImageReference:
        """Reads `repository[:tag][@digest]`; raises `InvalidInputError` when a part is missing or not valid."""
    @property
    def registry(self) -> str:
        """The host of the registry that holds the image; `docker.io` where none is written."""
    @property
    def repository(self) -> str:
        """The repository, with its registry if one was written."""
    @property
    def tag(self) -> str | None:
        """The tag, if one was written."""
    @property
    def digest(self) -> str | None:
        """The digest, if one was written."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

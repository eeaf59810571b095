"""Tools whose calls go on after their answer: the tasks extension, as far as the suite asks for it.

The SDK does not come with it. A client that does not declare it gets the result itself, except of the tools that cannot
do without.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any, ClassVar

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

Context = ServerRequestContext[Any, Any]
Json = dict[str, Any]

EXTENSION = "io.modelcontextprotocol/tasks"
COMPLETE: Json = {"resultType": "complete"}
# These cannot do without: they ask later, or say that they need a task.
NEEDED = {"failing_job", "confirm_delete", "multi_input"}


def text(words: str, **more: Any) -> Json:
    return {"content": [{"type": "text", "text": words}], **more}


def form(message: str, name: str, kind: str) -> Json:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return {"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}}


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Task:
    """A call that goes on, with what it asks meanwhile and what it came to."""

    all: ClassVar[dict[str, Task]] = {}

    def __init__(self, work: Callable[[Task], Awaitable[Json]]) -> None:
        self.id = uuid.uuid4().hex
        self.created = self.updated = now()
        self.status = "working"
        self.outcome: Json = {}
        self.questions: Json = {}
        self.answers: Json = {}
        self.answered = asyncio.Event()
        self.all[self.id] = self
        self.running = asyncio.create_task(self.run(work))

    async def run(self, work: Callable[[Task], Awaitable[Json]]) -> None:
        try:
            self.turn("completed", result=await work(self))
        except MCPError as error:
            self.turn("failed", error={"code": error.code, "message": error.message})

    def turn(self, status: str, **outcome: Json) -> None:
        self.status, self.outcome, self.updated = status, outcome, now()

    async def ask(self, questions: Json) -> Json:
        self.questions = dict(questions)
        self.turn("input_required")
        await self.answered.wait()
        self.turn("working")
        return self.answers

    def answer(self, responses: Json) -> None:
        for key in responses.keys() & self.questions.keys():
            del self.questions[key]
            self.answers[key] = responses[key]
        if not self.questions:
            self.answered.set()

    def cancel(self) -> None:
        if self.status in ("working", "input_required"):
            self.running.cancel()
            self.turn("cancelled")

    def shown(self) -> Json:
        times = {"createdAt": self.created, "lastUpdatedAt": self.updated, "ttlMs": 3_600_000, "pollIntervalMs": 100}
        return {"taskId": self.id, "status": self.status, **times}


async def slow_compute(task: Task | None, args: Json) -> Json:
    await asyncio.sleep(args["seconds"])
    return text(f"computed: {args['label']}")


async def failing_job(task: Task | None, args: Json) -> Json:
    await asyncio.sleep(0.2)
    return text("the job failed", isError=True)


async def protocol_error_job(task: Task | None, args: Json) -> Json:
    await asyncio.sleep(0.2)
    raise MCPError(types.INTERNAL_ERROR, "the job broke off")


async def confirm_delete(task: Task, args: Json) -> Json:
    answers = await task.ask({"confirm": form(f"Delete {args['filename']}?", "confirm", "boolean")})
    return text(f"answered: {json.dumps(answers)}")


async def multi_input(task: Task, args: Json) -> Json:
    answers = await task.ask({"who": form("Who?", "name", "string"), "sure": form("Sure?", "confirm", "boolean")})
    return text(f"answered: {json.dumps(answers)}")


WORK: dict[str, Callable[[Any, Json], Awaitable[Json]]] = {
    "slow_compute": slow_compute,
    "failing_job": failing_job,
    "protocol_error_job": protocol_error_job,
    "confirm_delete": confirm_delete,
    "multi_input": multi_input,
}


def tool(name: str, description: str, /, **properties: str) -> Json:
    schema = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"name": name, "description": description, "inputSchema": schema}


TOOLS = [
    tool("greet", "Greets at once", name="string"),
    tool("slow_compute", "Takes so many seconds", seconds="number", label="string"),
    tool("failing_job", "Fails after a while"),
    tool("protocol_error_job", "Ends in an error of the protocol after a while"),
    tool("confirm_delete", "Asks before it goes on", filename="string"),
    tool("multi_input", "Asks two things at once"),
    tool("test_tool_with_task", "Asks for a name, and then goes on as a task"),
]

# What `test_tool_with_task` asks before it is a task.
ASKS: Json = {"says": "Hello:", "rounds": [{"user_name": form("What is your name?", "name", "string")}]}


def declares(ctx: Context) -> bool:
    able = ctx.session.client_capabilities
    return bool(able and able.extensions and EXTENSION in able.extensions)


def require(ctx: Context) -> None:
    if not declares(ctx):
        needed = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "the client cannot follow tasks", needed)


def begin(work: Callable[[Task], Awaitable[Json]]) -> Json:
    return {"resultType": "task", **Task(work).shown()}


def greeting(words: str) -> Json:
    """The task that says what `test_tool_with_task` was answered."""

    async def work(task: Task) -> Json:
        return text(words)

    return begin(work)


async def call(ctx: Context, name: str, args: Json) -> Json:
    if name == "greet":
        return COMPLETE | text(f"Hello, {args.get('name')}!")
    if name in NEEDED:
        require(ctx)
    work = WORK[name]
    if not declares(ctx):
        return COMPLETE | await work(None, args)
    return begin(lambda task: work(task, args))


class TaskParams(types.RequestParams):
    task_id: str


class UpdateParams(TaskParams):
    input_responses: Json


def find(ctx: Context, params: TaskParams) -> Task:
    require(ctx)
    # The SDK compares this header only of requests that it knows.
    named = ctx.request.headers.get("mcp-name") if ctx.request else params.task_id
    if named != params.task_id:
        raise MCPError(types.HEADER_MISMATCH, "the header names another task")
    if params.task_id not in Task.all:
        raise MCPError(types.INVALID_PARAMS, f"no task {params.task_id}")
    return Task.all[params.task_id]


async def get(ctx: Context, params: TaskParams) -> Json:
    task = find(ctx, params)
    asked = {"inputRequests": task.questions} if task.status == "input_required" else {}
    return COMPLETE | task.shown() | asked | task.outcome


async def update(ctx: Context, params: UpdateParams) -> Json:
    find(ctx, params).answer(params.input_responses)
    return COMPLETE


async def cancel(ctx: Context, params: TaskParams) -> Json:
    find(ctx, params).cancel()
    return COMPLETE


def add_to(server: Server[Any]) -> None:
    server.extensions[EXTENSION] = {}
    server.add_request_handler("tasks/get", TaskParams, get)
    server.add_request_handler("tasks/update", UpdateParams, update)
    server.add_request_handler("tasks/cancel", TaskParams, cancel)

"""Secrets, decisions and approvals of the host's own, as plain classes, and the trail of what happened.

    python examples/python/host_objects.py

It needs Linux: the machine's own Python runs `notes_server.py` as a sandboxed process. The home is temporary, so that
nothing is left behind.
"""

import asyncio
import tempfile
from pathlib import Path

from mcp_gateway import Answer, CallContext, Decision, Gateway, Question, Request, SecretKey
from mcp_gateway.exceptions import DeniedError

SERVER = str(Path(__file__).with_name("notes_server.py"))
CATALOG = {
    "registry": {
        "notes": {
            "title": "Notes",
            "type": "server",
            "secrets": [{"name": "notes.token", "env": "NOTES_TOKEN"}],
            # The sandbox shows the system's programs and what is listed here; the Python of a venv is not in sight.
            "process": {"command": "/usr/bin/python3", "args": [SERVER], "read": [SERVER]},
        }
    }
}


class Vault:
    """Stands for the host's vault, which is asked over a network."""

    async def get(self, key: SecretKey) -> str | None:
        """Returns the value of exactly this key; a secret is asked for under up to eight, the first value counts."""
        await asyncio.sleep(0.01)
        return "the-token-of-the-notes" if str(key) == "/notes/NOTES_TOKEN" else None


class Rules:
    """Reading is free, writing is asked about, throwing away is not done."""

    def decide(self, context: CallContext, request: Request) -> Decision:
        """Decides by the canonical name; a list, and a name that nobody offers, has none."""
        if request.target == "notes.clear":
            return Decision("deny", rule="keep", reason=f"{context.principal} may not throw notes away")
        if request.target == "notes.add":
            return Decision("hard_confirm", rule="write", reason="it changes the notes")
        return Decision("allow", rule="read")


class Operator:
    """Stands for a person: says yes to everything but passwords."""

    async def approve(self, context: CallContext, question: Question) -> Answer:
        """Answers after having read the arguments."""
        text = str(question.arguments)
        granted = "password" not in text
        print(f"  operator: may {context.principal} {question.name} {text}? {'yes' if granted else 'no'}")
        return Answer(granted, by="ann", reason="read it" if granted else "that belongs into the vault")


async def work(gateway: Gateway, tool: str, **arguments: str) -> None:
    """Does one thing that an agent wants, and shows how it ended."""
    try:
        result = await gateway.call_tool(tool, arguments)
    except DeniedError as error:
        print(f"{tool}: {error}")
    else:
        print(f"{tool}: {result.text}")


async def main(home: str) -> None:
    """Works as an agent does, then shows what was recorded."""
    profile = {"name": "demo", "servers": {"notes": {}}}
    async with Gateway.open(
        profile,
        home=home,
        catalogs=[CATALOG],
        secrets=Vault(),
        policy=Rules(),
        approver=Operator(),
        audit="memory",
        principal="agent",
    ) as gateway:
        await work(gateway, "notes.sign_in")
        await work(gateway, "notes.add", text="buy milk")
        await work(gateway, "notes.add", text="the password is 1234")
        await work(gateway, "notes.clear")
        await work(gateway, "notes.list")

        print("trail:")
        for record in await gateway.audit():
            event = record.event
            decision = event.get("decision", {})
            subject = ".".join(event[part] for part in ("server", "name") if part in event)
            print(f"  {record.sequence} {event['principal']} {event['action']} {subject}: {event['outcome']}", end="")
            print(f" ({decision['rule']}: {decision['reason']})" if decision.get("reason") else "")


with tempfile.TemporaryDirectory() as home:
    asyncio.run(main(home))

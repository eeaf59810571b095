"""A host that answers what servers ask: a form, a text for a model to write, the folders to work in.

    python examples/python/answer_servers.py

It needs Linux: the machine's own Python runs `booking_server.py` as a sandboxed process. The home is temporary, so that
nothing is left behind.
"""

import asyncio
import tempfile
from pathlib import Path

from mcp_gateway import ClientContext, Elicitation, ElicitationAnswer, Gateway, Root, Sampling
from mcp_gateway.client import accept, decline
from mcp_gateway.exceptions import ProtocolError

SERVER = str(Path(__file__).with_name("booking_server.py"))
CATALOG = {
    "registry": {
        "booking": {
            "title": "Booking",
            "type": "server",
            # The sandbox shows the system's programs and what is listed here; the Python of a venv is not in sight.
            "process": {"command": "/usr/bin/python3", "args": [SERVER], "read": [SERVER]},
        }
    }
}


class Desk:
    """Stands for a person with a form, for a model, and for an editor with an open folder."""

    async def elicit(self, context: ClientContext, request: Elicitation) -> ElicitationAnswer:
        """Fills forms in; the server's name belongs to its words."""
        print(f"  {context.server} asks {context.principal}: {request.message}")
        if request.mode == "url":
            # Only a person can say whether an address is to be trusted.
            return decline()
        # The defaults, and the first of each choice.
        filled = {name: field.get("default", field.get("enum", [None])[0]) for name, field in request.fields.items()}
        print(f"  the desk fills in: {filled}")
        return accept(filled)

    def sample(self, context: ClientContext, request: Sampling) -> str:
        """Has a model write; this one is modest."""
        wish = request.messages[-1]["content"]["text"]
        print(f"  {context.server} wants written: {wish}")
        return "Dear friends, dinner is on me."

    def roots(self, context: ClientContext) -> list[Root]:
        """Says what is open in the editor."""
        return [Root.of("/srv/bookings", name="bookings")]


async def main(home: str) -> None:
    """Calls tools that ask, first with somebody to answer, then without."""
    # The server is the host's own: nobody has to confirm what it does.
    profile = {"name": "demo", "servers": {"booking": {}}, "policy": {"default": "allow"}}
    async with Gateway.open(
        profile, home=home, catalogs=[CATALOG], client=Desk(), audit="memory", principal="ada"
    ) as gateway:
        for tool in ("book", "invite", "save"):
            print(f"{tool}: {(await gateway.call_tool(tool)).text}")
        asked = [record.event["action"] for record in await gateway.audit() if "/create" in record.event["action"]]
        print(f"recorded: {', '.join(asked)}")
    async with Gateway.open(profile, home=home, catalogs=[CATALOG], audit="memory") as gateway:
        try:
            await gateway.call_tool("book")
        except ProtocolError as error:
            print(f"without a client: {error}")


with tempfile.TemporaryDirectory() as home:
    asyncio.run(main(home))

"""A protected MCP server and its authorization server, with nothing but the standard library; prints its port.

For the tests of the bindings. What it does not check, `oauth.rs` beside it checks for the core's.
"""

import base64
import hashlib
import itertools
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

count = itertools.count(1)
codes, tokens = {}, {}


def fresh(what):
    return f"{what}-{next(count)}-{'x' * 16}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def origin(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def reply(self, status, body=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/.well-known/oauth-protected-resource/mcp":
            resource = {"resource": f"{self.origin()}/mcp", "authorization_servers": [self.origin()]}
            self.reply(200, {**resource, "scopes_supported": ["read"]})
        elif url.path == "/.well-known/oauth-authorization-server":
            places = {name: f"{self.origin()}/{name}" for name in ("authorize", "token", "register", "revoke")}
            self.reply(
                200,
                {
                    "issuer": self.origin(),
                    "authorization_endpoint": places["authorize"],
                    "token_endpoint": places["token"],
                    "registration_endpoint": places["register"],
                    "revocation_endpoint": places["revoke"],
                    "code_challenge_methods_supported": ["S256"],
                },
            )
        elif url.path == "/authorize":
            code = fresh("code")
            codes[code] = query
            back = {"code": code, "state": query["state"], "iss": self.origin()}
            self.reply(302, Location=f"{query['redirect_uri']}?{urlencode(back)}")
        else:
            self.refuse()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if self.path == "/register":
            self.reply(201, {"client_id": fresh("client"), "token_endpoint_auth_method": "none"})
        elif self.path == "/revoke":
            tokens.pop(form["token"], None)
            self.reply(200)
        elif self.path == "/token":
            asked = codes.pop(form["code"], {})
            proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
            if asked.get("code_challenge") != proof.rstrip(b"=").decode():
                self.reply(400, {"error": "invalid_grant"})
                return
            token = fresh("access")
            tokens[token] = asked.get("scope", "")
            answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": tokens[token]}
            self.reply(200, answer)
        else:
            self.call(json.loads(body))

    def do_DELETE(self):
        self.reply(204)

    def call(self, message):
        scope = tokens.get((self.headers["Authorization"] or "").removeprefix("Bearer "))
        if scope is None:
            self.refuse()
            return
        if "id" not in message:
            self.reply(202)
            return
        results = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "protected", "version": "1"},
            },
            "tools/list": {"tools": [{"name": "whoami", "inputSchema": {"type": "object"}}]},
            "tools/call": {"content": [{"type": "text", "text": f"{self.headers['Authorization']} with {scope}"}]},
        }
        self.reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": results.get(message["method"], {})})

    def refuse(self):
        place = f"{self.origin()}/.well-known/oauth-protected-resource/mcp"
        self.reply(401, WWW_Authenticate=f'Bearer resource_metadata="{place}"')


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()

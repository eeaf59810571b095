"""A host of the web: writes down what it was sent, and repeats it. `https.py ADDRESS CERTIFICATE KEY FILE`."""

import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ADDRESS, CERTIFICATE, KEY, FILE = sys.argv[1:]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answers with the credential that came along."""
        said = self.headers.get("Authorization", "nothing")
        with Path(FILE).open("a", encoding="utf-8") as file:
            file.write(said + "\n")
        body = f"you said: {said}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


server = HTTPServer((ADDRESS, 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()

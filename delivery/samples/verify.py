"""A receiver that takes nothing but what was signed with its secret. Only the standard library is needed."""

import base64
import hashlib
import hmac
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ.get("WEBHOOK_SECRET", "")  # whsec_…, kept out of the code
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
if len(KEY) < 24:  # with no key anybody could sign
    raise SystemExit("Set WEBHOOK_SECRET.")
TOLERANCE = 5 * 60  # seconds that a request may take, and our clocks may differ


def is_genuine(message_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Of the headers webhook-id, webhook-timestamp and webhook-signature, and of the body as it came."""
    try:
        age = time.time() - int(timestamp)
    except ValueError:
        return False
    if abs(age) > TOLERANCE:
        return False
    said = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(KEY, said, hashlib.sha256).digest())
    return any(hmac.compare_digest(expected, given.encode()) for given in signatures.split(" "))


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        message_id, timestamp, signatures = (
            self.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        # If it is genuine and its webhook-id was here before, it is a repeat: answer 204 and do nothing.
        self.send_response(204 if is_genuine(message_id, timestamp, signatures, body) else 401)
        self.end_headers()

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8001"))), Receiver).serve_forever()

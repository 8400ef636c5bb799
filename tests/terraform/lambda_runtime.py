"""Lambda's Runtime API for one invocation: sends a function's binary one event, takes its response."""

import json
import os
import queue
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT_SECONDS = 60


class Answer:
    """A function's response and log output."""

    def __init__(self, ok, payload, log):
        self.ok, self.payload, self.log = ok, payload, log

    def __repr__(self):
        return f"{self.payload}\n{self.log}"


def invoke(binary, variables, event, seconds):
    """Runs `binary` for one event, with a deadline in `seconds`, and then kills it."""
    events, answers = queue.Queue(), queue.Queue()
    events.put(event)

    class Runtime(BaseHTTPRequestHandler):
        """`GET …/next` once, then `POST …/response` or `…/error`."""

        protocol_version = "HTTP/1.1"

        def do_GET(self):
            try:
                body = json.dumps(events.get(timeout=TIMEOUT_SECONDS)).encode()
            except queue.Empty:
                return
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + seconds) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:tests")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answers.put((self.path.endswith("/response"), json.loads(body or b"null")))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
    server.daemon_threads = True
    # The function's connection breaks when it is killed.
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"}
    environment |= {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_FUNCTION_VERSION": "1"} | variables
    process = subprocess.Popen(
        [binary], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        ok, payload = answers.get(timeout=TIMEOUT_SECONDS)
    finally:
        process.kill()
        log = process.communicate()[0]
        server.shutdown()
        server.server_close()
    return Answer(ok, payload, log)

"""A server of the OpenAI protocol on this machine that fails as told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any], int], tuple[int, Any, dict[str, str]]]
"""From a request and how often it came: status, body (text is sent as it is) and headers."""


def completion(text: Any, prompt_tokens: int = 10, answer_tokens: int = 5) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": answer_tokens},
    }


def echo(request: dict[str, Any], _: int) -> tuple[int, Any, dict[str, str]]:
    return 200, completion(request["messages"][-1]["content"].upper()), {}


def character_scores(prompt: str) -> dict[str, Any]:
    """A completion that scores characters, each with minus its code / 1000, and adds one token."""
    text = prompt + "!"
    logprobs = {
        "tokens": list(text),
        "token_logprobs": [None, *(-ord(c) / 1000 for c in text[1:])],
        "text_offset": list(range(len(text))),
    }
    return {"choices": [{"text": text, "logprobs": logprobs}]}


class Stub:
    """What the server got."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.headers: list[dict[str, str]] = []
        self.under_way = self.most_under_way = 0
        self.lock = threading.Lock()
        self.url = ""


@contextmanager
def serve(answer: Answer = echo, *, slow_seconds: float = 0.0) -> Iterator[Stub]:
    stub = Stub(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with stub.lock:
                stub.requests.append(request)
                stub.times.append(time.monotonic())
                stub.headers.append(dict(self.headers))
                count = stub.requests.count(request)
                stub.under_way += 1
                stub.most_under_way = max(stub.most_under_way, stub.under_way)
            time.sleep(slow_seconds)
            status, body, headers = stub.answer(request, count)
            with stub.lock:
                stub.under_way -= 1
            data = (
                body
                if isinstance(body, bytes)
                else (body if isinstance(body, str) else json.dumps(body)).encode()
            )
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A server on this machine that speaks the protocols of three providers, well and badly."""

import base64
import contextlib
import dataclasses
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass
class Seen:
    """A request, whatever the protocol."""

    provider: str
    model: str
    key: str
    instructions: str
    words: str
    pictures: list
    turns: int
    body: dict
    path: str


@dataclasses.dataclass
class Say:
    """How to answer: words, and what is wrong with the answer."""

    words: str = ""
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    refusal: str = ""
    silent_s: float = 0.0
    cut: bool = False
    raw: bytes | None = None
    usage: tuple | None = (1000, 50)


def named(name, confidence=0.8, second=None, mixed=False, evidence="seen", **more):
    """An answer of the form asked for."""
    return Say(
        json.dumps(
            {"class": name, "confidence": confidence, "second_guess": second, "mixed": mixed,
             "evidence": evidence}
        ),
        **more,
    )  # fmt: skip


class Providers(ThreadingHTTPServer):
    """Answers each request by `answer`, a function of what was seen; keeps what was seen."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen = []
        self.answer = lambda _seen: named("water")
        self.lock = threading.Lock()
        self.under_way = self.most_under_way = 0

    def handle_error(self, *_):
        """Clients that hang up are part of the tests."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def serving():
    server = Providers()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Quiet."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen, shape = self._read(body)
        with self.server.lock:
            self.server.seen.append(seen)
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
        try:
            say = self.server.answer(seen)
            time.sleep(say.silent_s)
        finally:
            with self.server.lock:
                self.server.under_way -= 1
        content = say.raw
        if content is None:
            content = json.dumps(shape(seen, say) if say.status == 200 else _error(say)).encode()
        self._send(say, content)

    def _send(self, say, content):
        self.send_response(say.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in (headers | say.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if say.cut else content)
        if say.cut:
            self.wfile.flush()
            self.close_connection = True

    def _read(self, body):
        if self.path.endswith("/messages"):
            return self._anthropic(body), _anthropic_reply
        if ":generateContent" in self.path:
            return self._google(body), _google_reply
        if self.path.endswith("/responses"):
            return self._responses(body), _responses_reply
        return self._openai(body), _openai_reply

    def _responses(self, body):
        system = [{"content": body.get("instructions", "")}]
        turns = [m for m in body["input"] if m["role"] not in ("system", "developer")]
        system += [m for m in body["input"] if m not in turns]
        parts = [p for m in turns for p in _parts(m["content"])]
        pictures = [
            base64.b64decode(p["image_url"].partition("base64,")[2])
            for p in parts
            if p["type"] == "input_image"
        ]
        return self._seen(
            "openai-responses", body["model"], system, parts, pictures, len(turns), body
        )

    def _openai(self, body):
        system = [m for m in body["messages"] if m["role"] in ("system", "developer")]
        turns = [m for m in body["messages"] if m["role"] not in ("system", "developer")]
        parts = [p for m in turns for p in _parts(m["content"])]
        pictures = [
            base64.b64decode(p["image_url"]["url"].partition("base64,")[2])
            for p in parts
            if p["type"] == "image_url"
        ]
        return self._seen("openai", body["model"], system, parts, pictures, len(turns), body)

    def _anthropic(self, body):
        system = [{"content": body.get("system", "")}]
        parts = [p for m in body["messages"] for p in _parts(m["content"])]
        pictures = [base64.b64decode(p["source"]["data"]) for p in parts if p["type"] == "image"]
        turns = len(body["messages"])
        return self._seen("anthropic", body["model"], system, parts, pictures, turns, body)

    def _google(self, body):
        model = self.path.partition("/models/")[2].partition(":")[0]
        system = [{"content": body.get("systemInstruction", {}).get("parts", "")}]
        parts = [p for m in body["contents"] for p in m["parts"]]
        pictures = [
            base64.b64decode(p["inlineData"]["data"], altchars=b"-_")
            for p in parts
            if "inlineData" in p
        ]
        turns = len(body["contents"])
        return self._seen("google", model, system, parts, pictures, turns, body)

    def _seen(self, provider, model, system, parts, pictures, turns, body):
        key = (
            self.headers.get("x-api-key")
            or self.headers.get("x-goog-api-key")
            or (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        )
        instructions = " ".join(p["text"] for m in system for p in _parts(m["content"]))
        words = "\n".join(p["text"] for p in parts if "text" in p)
        return Seen(provider, model, key, instructions, words, pictures, turns, body, self.path)


def _parts(content):
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content


def _error(say):
    return {"type": "error", "error": {"type": "api_error", "code": say.status, "message": "no"}}


def _openai_reply(seen, say):
    message = {"role": "assistant", "content": None if say.refusal else say.words}
    if say.refusal:
        message["refusal"] = say.refusal
    reply = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": seen.model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }  # fmt: skip
    if say.usage:
        read, written = say.usage
        reply["usage"] = {
            "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written
        }  # fmt: skip
    return reply


def _responses_reply(seen, say):
    part = {"type": "output_text", "text": say.words, "annotations": []}
    if say.refusal:
        part = {"type": "refusal", "refusal": say.refusal}
    message = {
        "type": "message", "id": "m1", "role": "assistant", "status": "completed",
        "content": [part],
    }  # fmt: skip
    reply = {
        "id": "r1", "object": "response", "created_at": 1, "model": seen.model,
        "status": "completed", "output": [message], "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [],
    }  # fmt: skip
    if say.usage:
        read, written = say.usage
        reply["usage"] = {
            "input_tokens": read, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        }  # fmt: skip
    return reply


def _anthropic_reply(seen, say):
    read, written = say.usage or (0, 0)
    return {
        "id": "m1", "type": "message", "role": "assistant", "model": seen.model,
        "content": [{"type": "text", "text": say.words}] if say.words else [],
        "stop_reason": "refusal" if say.refusal else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": read, "output_tokens": written},
    }  # fmt: skip


def _google_reply(seen, say):
    if say.refusal:
        candidate = {"finishReason": "SAFETY", "index": 0}
    else:
        parts = [{"text": say.words}]
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
    reply = {"candidates": [candidate], "modelVersion": seen.model, "responseId": "r1"}
    if say.usage:
        read, written = say.usage
        reply["usageMetadata"] = {
            "promptTokenCount": read, "candidatesTokenCount": written,
            "totalTokenCount": read + written,
        }  # fmt: skip
    return reply

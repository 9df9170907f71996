"""A page of `obriy serve` in a process of its own, and what tests ask of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

PATIENCE_S = 300
"""Tests may share two cores with much else: nobody asks how fast this is. It is waited no longer
than until what is waited for is there."""


class PageServer:
    """The server; it can be killed, and started again over the same folder."""

    python = sys.executable

    def __init__(self, folder, *more, env=None):
        self.folder = Path(folder)
        self.more = [str(word) for word in more]
        self.env = {**os.environ, **(env or {})}
        self.address = ""
        self.process = None

    def start(self, port=0):
        command = [self.python, "-m", "obriy", "serve", str(self.folder), "--port", str(port)]
        self.process = subprocess.Popen(
            [*command, *self.more], stdout=subprocess.PIPE, text=True, env=self.env
        )
        line = self.process.stdout.readline()
        assert "http://" in line, line
        self.address = next(word for word in line.split() if word.startswith("http")).rstrip("/")
        return self

    @property
    def port(self):
        return int(self.address.rpartition(":")[2].partition("/")[0])

    def kill(self):
        """End it without a word, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def get(self, path, **more):
        return requests.get(f"{self.address}{path}", timeout=PATIENCE_S, **more)

    def post(self, path, **more):
        return requests.post(f"{self.address}{path}", timeout=PATIENCE_S, **more)

    def wait(self, name, *states):
        """Wait until a run is in one of the states; return what is told of it."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            told = self.get(f"/api/runs/{name}").json()
            if told.get("state") in states:
                return told
            time.sleep(0.3)
        raise AssertionError(f"{name}: {told}")

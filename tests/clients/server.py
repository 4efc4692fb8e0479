"""A server of the test's own: a free port, a folder of its own, stopped by its handle."""

import os
import random
import select
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

#: How long anything may take before the test fails.
DEADLINE = 20


def free_port():
    """A free port that no outgoing connection is given: who comes back to a server that is down
    must not meet itself."""
    while True:
        port = random.randint(10_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Server:
    def __init__(self, *settings):
        self.folder = tempfile.TemporaryDirectory(prefix="parlor-clients-")
        self.log = Path(self.folder.name, "log").open("ab")
        self.database = f"sqlite://{self.folder.name}/parlor.db?mode=rwc"
        self.settings = settings
        self.port = None
        self.start()

    def run(self, *words):
        """Runs a command of the operator's on the database; what it prints."""
        command = [os.environ["PARLOR"], *words, "--database-url", self.database]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout.strip()

    def start(self):
        """Starts it; the second time at the same address, over the same database."""
        deadline = time.monotonic() + DEADLINE
        while True:
            port = self.port or free_port()
            listen = ["--listen", f"127.0.0.1:{port}", "--database-url", self.database]
            command = [os.environ["PARLOR"], "serve", *listen, *self.settings]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
            select.select([self.process.stdout], [], [], deadline - time.monotonic())
            line = self.process.stdout.readline().decode() if self.process.poll() is None else ""
            if line.startswith("listening on "):
                self.port, self.url = port, line.removeprefix("listening on ").strip()
                return
            self.kill()
            assert time.monotonic() < deadline, Path(self.log.name).read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def restart(self):
        self.kill()
        self.start()

    def stop(self):
        self.kill()
        self.log.close()
        self.folder.cleanup()

    def room(self, path="", room="general"):
        return f"{self.url}/api/v1/rooms/{room}{path}"

    def post(self, content, room="general", username="Alice"):
        """Posts a message, and gives back its id."""
        answer = httpx.post(self.room("/messages", room), json={"username": username, "content": content})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

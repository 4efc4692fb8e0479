"""The fixtures of every test here: a server, and one that requires credentials."""

import pytest
from server import Server


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def guarded():
    """With `admin_key`, the key of an admin."""
    server = Server("--auth", "required", "--accounts", "open", "--guests", "on")
    server.run("user", "add", "root", "--admin")
    server.admin_key = server.run("key", "create", "--user", "root")
    yield server
    server.stop()

"""The fixture of every test here: a server."""

import pytest
from server import Server


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()

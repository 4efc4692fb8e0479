"""What every test here gets: a server."""

import pytest
from server import Server


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()

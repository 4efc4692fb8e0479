"""The clients under openapi/examples post, follow, and go on where they were after a restart."""

import os
import signal
import subprocess
import threading
from pathlib import Path
from queue import Queue

import pytest
from server import DEADLINE

EXAMPLES = Path(__file__).parents[2] / "openapi" / "examples"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    program = tmp_path_factory.mktemp("examples") / "follow"
    subprocess.run(["rustc", "--edition", "2024", "-D", "warnings", "-o", program, EXAMPLES / "follow.rs"], check=True)
    return str(program)


@pytest.mark.parametrize("language", ["sh", "mjs", "py", "rs"])
def test_an_example(server, language, request):
    interpreter = {"sh": ["sh"], "mjs": ["node"], "py": ["python3"]}.get(language)
    address = server.url
    if interpreter:
        command = [*interpreter, str(EXAMPLES / f"follow.{language}")]
    else:
        command, address = [request.getfixturevalue("compiled")], server.url.removeprefix("http://")
    # A group of its own, so that what it started ends with it.
    process = subprocess.Popen([*command, address, "room"], stdout=subprocess.PIPE, text=True, start_new_session=True)
    lines = Queue()
    reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True)
    reader.start()
    try:
        assert lines.get(timeout=DEADLINE) == "posted 1\n"
        server.post("first", "room")
        assert "first" in lines.get(timeout=DEADLINE)
        server.kill()
        server.start()
        server.post("second", "room")
        server.post("third", "room")
        assert "second" in lines.get(timeout=DEADLINE)
        assert "third" in lines.get(timeout=DEADLINE)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()
    assert lines.empty()

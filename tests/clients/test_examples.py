"""The clients under openapi/examples post, follow, and go on where they were after a restart."""

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from queue import Queue

import pytest
from server import DEADLINE

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "openapi" / "examples"


def command(language, folder):
    """The command that runs an example, with the packages it imports."""
    source = SOURCES / f"follow.{language}"
    match language:
        case "rs":
            return [Path(os.environ["EXAMPLES"], "follow")]
        case "mjs":
            (folder / "node_modules").symlink_to(HERE / "node_modules")
            return ["node", shutil.copy(source, folder)]
        case _:
            return [{"sh": "sh", "py": "python3"}[language], source]


@pytest.mark.parametrize("language", ["sh", "mjs", "py", "rs"])
def test_an_example(server, language, tmp_path):
    run = [*command(language, tmp_path), server.room(room="room")]
    # A group of its own, so that what it started ends with it.
    process = subprocess.Popen(run, stdout=subprocess.PIPE, text=True, start_new_session=True)
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

"""schemathesis tries every operation of the document, with all its checks, and finds nothing."""

import subprocess
import sys
from pathlib import Path


def test_every_operation(server, tmp_path):
    config = Path(__file__).with_name("schemathesis.toml")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", f"{server.url}/openapi.json"]
    # In a folder of its own: it keeps notes where it runs.
    subprocess.run(command, check=True, cwd=tmp_path, timeout=600)

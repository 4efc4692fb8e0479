"""schemathesis tries every operation of the document, with all its checks, and finds nothing."""

import subprocess
import sys
from pathlib import Path


def run(server, config, folder, *more):
    config = Path(__file__).with_name(config)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", f"{server.url}/openapi.json"]
    # In a folder of its own: it keeps notes where it runs.
    subprocess.run([*command, *more], check=True, cwd=folder, timeout=600)


def test_every_operation(server, tmp_path):
    run(server, "schemathesis.toml", tmp_path)


def test_every_operation_with_a_credential(guarded, tmp_path):
    run(guarded, "schemathesis-required.toml", tmp_path, "--header", f"Authorization: Bearer {guarded.admin_key}")

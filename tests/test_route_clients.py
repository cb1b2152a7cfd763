"""Clients and servers that nobody here wrote: the Node client, and a real model behind a real local server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from steady import PATIENCE_S

ROOT = Path(__file__).parents[1]
NODE = os.environ.get("LIEBIG_NODE_MODULES", "")
#: An interpreter that has llama-cpp-python with its server, and a GGUF file of a chat model.
LLAMA, GGUF = os.environ.get("LIEBIG_LLAMA_PYTHON", ""), os.environ.get("LIEBIG_LLAMA_GGUF", "")
CONFIG = """
[server]
port = 0
[[upstream]]
name = "one"
url = "{url}"
[[model]]
name = "small"
upstream = "one"
upstream_model = "{model}"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
[[model]]
name = "large"
upstream = "one"
upstream_model = "{model}"
input_usd_per_mtok = 2.5
output_usd_per_mtok = 10
[routing]
models = ["small", "large"]
"""


@contextlib.contextmanager
def program(*words: str, ready: str, folder: Path) -> Iterator[str]:
    """A program that runs meanwhile; gives the line that told that it is ready."""
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        lines: list[str] = []
        found = threading.Event()

        def read() -> None:
            assert running.stdout is not None
            for line in running.stdout:
                lines.append(line)
                if re.search(ready, line):
                    found.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            assert found.wait(PATIENCE_S), "".join(lines[-20:])
            yield next(line for line in lines if re.search(ready, line))
        finally:
            running.terminate()
            running.wait(PATIENCE_S)
            reader.join(PATIENCE_S)


def address_in(line: str) -> str:
    """The address that a program says it listens at."""
    found = re.search(r"http://[\w.:]+", line)
    assert found is not None, line
    return found.group()


def key_of(config: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "liebig", "route", "keys", "add", "test", "--config", str(config), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(json.loads(done.stdout)["secret"])


@contextlib.contextmanager
def gateway(url: str, model: str, folder: Path) -> Iterator[tuple[str, str]]:
    config = folder / "gateway.toml"
    config.write_text(CONFIG.format(url=url, model=model), encoding="utf-8")
    key = key_of(config)
    words = (sys.executable, "-m", "liebig", "route", "serve", str(config))
    with program(*words, ready="listening on", folder=folder) as line:
        yield line.split()[-1] + "/v1", key


@pytest.mark.skipif(not (NODE and shutil.which("node")), reason="set LIEBIG_NODE_MODULES to a folder with openai")
def test_the_node_client(tmp_path: Path) -> None:
    upstream = (sys.executable, str(ROOT / "benchmarks" / "loopback_upstream.py"), "--port", "0")
    with (
        program(*upstream, ready="http://", folder=tmp_path) as line,
        gateway(address_in(line) + "/v1", "any", tmp_path) as (base, key),
    ):
        script = ROOT / "tests" / "node" / "openai_client.mjs"
        env = {**os.environ, "BASE_URL": base, "API_KEY": key, "MODEL": "auto", "EMBEDDING_MODEL": "small"}
        done = subprocess.run(["node", str(script)], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ok"]


@pytest.mark.slow
@pytest.mark.skipif(not (LLAMA and GGUF), reason="set LIEBIG_LLAMA_PYTHON and LIEBIG_LLAMA_GGUF")
def test_a_real_model_behind_a_real_server(tmp_path: Path) -> None:
    import openai

    words = (LLAMA, "-m", "llama_cpp.server", "--model", GGUF, "--port", "0", "--n_ctx", "1024", "--model_alias", "m")
    with (
        program(*words, ready="Uvicorn running", folder=tmp_path) as line,
        gateway(address_in(line) + "/v1", "m", tmp_path) as (base, key),
    ):
        client = openai.OpenAI(base_url=base, api_key=key, timeout=PATIENCE_S)
        asked = [{"role": "user", "content": "Name the capital of France in one word."}]
        whole = client.chat.completions.create(model="auto", messages=asked, max_tokens=16, temperature=0)  # type: ignore[call-overload]
        parts = list(
            client.chat.completions.create(  # type: ignore[call-overload]
                model="auto:0.99", messages=asked, max_tokens=16, temperature=0, stream=True,
                stream_options={"include_usage": True},
            )
        )  # fmt: skip
        text = "".join(p.choices[0].delta.content or "" for p in parts if p.choices)
        assert whole.choices[0].message.content.strip()
        assert text == whole.choices[0].message.content
        assert whole.usage.completion_tokens > 0
        assert whole.usage.model_extra["liebig"]["model"] in ("small", "large")
        plain = client.completions.create(model="small", prompt="One, two, three,", max_tokens=8, temperature=0)
        assert plain.choices[0].text
        client.close()
    done = subprocess.run(
        [sys.executable, "-m", "liebig", "route", "report", "--config", str(tmp_path / "gateway.toml"), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["total"]["calls"] == 3

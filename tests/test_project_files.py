"""Files that invite others say what is true: workflow, hooks, templates, policy, citation, changelog."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import liebig
from liebig.catalog.fields import GRADES
from project_support import PROJECT, ROOT, check_command, find_command, read_yaml

PYTHONS = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: Python :: 3\.\d+$", c)]
YAML_FILES = [
    *sorted((ROOT / ".github").rglob("*.yml")),
    *(ROOT / name for name in (".pre-commit-config.yaml", "compose.yaml", "CITATION.cff")),
]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
TEXTS = [*FORMS, ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_a_command_that_is_not_there_is_found() -> None:
    check_command(["app", "--port", "8765"])
    for words in (["app", "--prot", "8765"], ["serve"], ["route", "serve"], ["app", "--port", "none"]):
        with pytest.raises(Exception, match=r"serve|prot|config|integer"):
            check_command(words)


@pytest.mark.parametrize("path", YAML_FILES, ids=_name)
def test_yaml_can_be_read_and_names_no_key_twice(path: Path) -> None:
    def keys(node: yaml.Node) -> Iterator[list[str]]:
        if isinstance(node, yaml.MappingNode):
            yield [str(k.value) for k, _ in node.value if k.value != "<<"]
            for _, value in node.value:
                yield from keys(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                yield from keys(value)

    node = yaml.compose(path.read_text("utf-8"))
    assert node is not None
    for names in keys(node):
        assert len(names) == len(set(names)), names


# ── checks ────────────────────────────────────────────────────────────────────


def test_the_workflow_checks_every_python_that_is_promised() -> None:
    workflow = read_yaml(".github/workflows/ci.yml")
    checks = workflow["jobs"]["checks"]
    matrix = checks["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert {s.partition("-")[0] for s in matrix["system"]} == {"ubuntu", "macos"}
    assert checks["steps"][-1]["run"] == ".ci/run"
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for used in (s["uses"] for s in steps if "uses" in s):
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", used), used
    for cached in (s["with"]["cache-dependency-path"] for s in steps if "cache" in s.get("with", {})):
        assert all((ROOT / name).is_file() for name in cached.split())


def test_updates_are_looked_for_where_there_is_something_to_update() -> None:
    wanted = {
        "github-actions": ".github/workflows", "npm": "package-lock.json", "docker": "Dockerfile",
        "docker-compose": "compose.yaml",
    }  # fmt: skip
    updates = read_yaml(".github/dependabot.yml")["updates"]
    assert {u["package-ecosystem"] for u in updates} == set(wanted)
    for update in updates:
        assert (ROOT / update["directory"].lstrip("/") / wanted[update["package-ecosystem"]]).exists()


def _in_ci_run(function: str, call: str, folder: Path, tools: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one function of .ci/run where the machine has nothing but the given tools."""
    for name, script in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    found = re.search(rf"^{function}\(\) {{.*?^}}", (ROOT / ".ci" / "run").read_text("utf-8"), re.S | re.M)
    assert found
    return subprocess.run(
        ["/bin/bash", "-c", f"{found[0]}\n{call}"],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_checks_install_by_whatever_the_system_has(tmp_path: Path) -> None:
    call = "system_packages 'nodejs npm' node"
    assert _in_ci_run("system_packages", call, tmp_path, {}).returncode == 1
    done = _in_ci_run("system_packages", call, tmp_path, {"brew": "echo brew $@"})
    assert (done.returncode, done.stderr) == (0, "brew install node\n")
    tools = {"id": "echo 1000", "sudo": "echo sudo $@", "apt-get": "exit 9"}
    done = _in_ci_run("system_packages", call, tmp_path, tools)
    assert done.stderr.splitlines()[-1] == "sudo apt-get install -y --no-install-recommends nodejs npm"


def test_the_checks_do_without_a_browser_where_none_can_be_had(tmp_path: Path) -> None:
    done = _in_ci_run("browser", "browser", tmp_path, {})
    assert done.returncode == 0
    assert "skipped" in done.stderr
    assert not _in_ci_run("browser", "browser", tmp_path, {"google-chrome": ""}).stderr


HOOKS = [hook for repo in read_yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
NPM = json.loads((ROOT / "web" / "package.json").read_text("utf-8"))


def test_hooks_call_tools_that_are_installed_on_files_that_exist() -> None:
    extra = " ".join(PROJECT["optional-dependencies"]["lint"])
    assert {h["entry"].split()[0] for h in HOOKS} - {"npm"} == set(re.findall(r"[a-z]+(?=>)", extra))
    for hook in HOOKS:
        assert any(re.search(hook.get("files", ""), name) for name in ("src/liebig/files.py", "web/src/api.ts"))


def test_hooks_of_the_page_call_its_scripts() -> None:
    entries = [h["entry"].split() for h in HOOKS if h["entry"].startswith("npm")]
    assert len(entries) == 2
    for *words, script in entries:
        assert words == ["npm", "--prefix", "web", "run"]
        assert script in NPM["scripts"]


@pytest.mark.parametrize(
    "pattern",
    ["*.md", "*.toml", "*.yaml", "src/**/*.py", "tests/*.py", "docs/**/*.md", "web/src/**/*.*", ".github/**/*.*"],
)
def test_files_have_the_form_of_the_editor_configuration(pattern: str) -> None:
    paths = [p for p in ROOT.glob(pattern) if p.is_file() and not {"generated", "_build"} & set(p.parts)]
    assert paths
    for path in paths:
        content = path.read_bytes()
        assert b"\r" not in content, path
        assert b"\t" not in content, path
        assert not content or content.endswith(b"\n"), path
        assert not re.search(rb"[ ]+$", content, re.MULTILINE), path
        content.decode("utf-8")


# ── words ─────────────────────────────────────────────────────────────────────


def test_the_citation_is_that_of_this_version() -> None:
    citation = read_yaml("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"title", "message", "authors", "abstract"} <= set(citation)
    assert str(citation["version"]) == liebig.__version__
    assert citation["license"] == PROJECT["license"]
    assert [a["name"] for a in citation["authors"]] == [a["name"] for a in PROJECT["authors"]]


@pytest.mark.parametrize("path", FORMS, ids=_name)
def test_issue_forms_ask_once_and_label(path: Path) -> None:
    form = read_yaml(path)
    assert {"name", "description", "labels", "body"} == set(form)
    ids = [item["id"] for item in form["body"] if item["type"] != "markdown"]
    assert len(ids) == len(set(ids))
    assert any(item.get("validations", {}).get("required") for item in form["body"])


def test_the_form_for_a_number_has_the_grades_of_the_catalogue() -> None:
    body = read_yaml(".github/ISSUE_TEMPLATE/fact.yml")["body"]
    assert next(i for i in body if i.get("id") == "grade")["attributes"]["options"] == list(GRADES)


@pytest.mark.parametrize("path", TEXTS, ids=_name)
def test_paths_and_commands_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    quoted = re.findall(r"`([^`\n]+)`", text)
    names = re.findall(r"(?<![\w/.])[A-Z]+\.md", text)
    names += [n for n in quoted if re.fullmatch(r"\.?(?:src|docs|tests|tools|\.?ci)(?:/[\w./-]*)?", n)]
    names += [n.removeprefix("../blob/main/") for n in re.findall(r"\]\(([^):]+)\)", text)]
    for name in names:
        assert (ROOT / name).exists(), name
    for words in (q.split()[1:] for q in quoted if q.startswith("liebig ")):
        if not words[0].startswith("-"):
            find_command(words)


def test_the_policy_names_the_limits_and_settings_that_are() -> None:
    from liebig.route.ledger.keys import TTL_S, default_pepper, digest_of, make_key
    from liebig.route.settings import ModelSettings, ServerSettings, UpstreamSettings
    from liebig.web.guard import MOST_BYTES

    text = " ".join((ROOT / "SECURITY.md").read_text("utf-8").split())
    assert f"works for at most {TTL_S:g} seconds more" in text
    assert f"limited to {MOST_BYTES // 1000} kB" in text
    assert len(make_key("x", {})[1]) == len("lb-") + -(-256 // 6)
    assert (len(digest_of("x", b"")), len(digest_of("x", b"pepper"))) == (32, 32)
    known = {f for model in (ServerSettings, UpstreamSettings, ModelSettings) for f in model.model_fields}
    named = {n.partition(" ")[0] for n in re.findall(r"`([a-z]+_?[a-z_]*(?: = \w+)?)`", text)}
    assert named - {"main"} <= known
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIEBIG_KEY_PEPPER", "pepper")
        assert default_pepper() == b"pepper"
    assert f"`{ServerSettings().admin_key_env}`" in text
    assert f"{liebig.__version__}" in text


def test_the_changelog_has_its_headings() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## Unreleased\n\n.*{re.escape(liebig.__version__)}", text, re.MULTILINE)
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= {
        "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security",
    }  # fmt: skip

"""Mutants of a file: the operators of cosmic-ray that mean something here, one that drops terms, and draws by hash."""

from __future__ import annotations

import ast
import contextlib
import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Mutant", "mutant_code", "operators", "sample"]

ROOT = Path(__file__).resolve().parents[1]
_BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Add_Mul", "Mul_Add", "Pow_Mul", "FloorDiv_Div", "Mod_Mul",
           "BitAnd_BitOr", "BitOr_BitAnd")  # fmt: skip
_COMPARISON = ("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt", "Eq_NotEq", "NotEq_Eq",
               "Is_IsNot", "IsNot_Is")  # fmt: skip
OPERATORS = (
    *(f"ReplaceBinaryOperator_{n}" for n in _BINARY),
    *(f"ReplaceComparisonOperator_{n}" for n in _COMPARISON),
    "ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_Invert",
    "NumberReplacer", "AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue",
    "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop", "ExceptionReplacer", "DropTerm",
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change of one file: the lines before and after it, and the digest of the file that it was made of."""

    package: str
    module: str
    line: int
    before: str
    after: str
    operator: str
    occurrence: int
    digest: str

    @property
    def key(self) -> str:
        """Same key, same mutant."""
        return f"{self.module}:{self.operator}:{self.occurrence}:{self.digest}"


def operators() -> dict[str, Any]:
    """Operators by name."""
    from cosmic_ray.operators.operator import Operator
    from cosmic_ray.operators.provider import OperatorProvider

    class DropTerm(Operator):  # type: ignore[misc]
        """Drops a term of a sum or a factor of a product: ``a + b`` becomes ``a``."""

        def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
            if node.type in ("arith_expr", "term"):
                yield from [(sign.start_pos, node.end_pos) for sign in node.children[1::2]]

        def mutate(self, node: Any, index: int) -> Any:
            del node.children[2 * index + 1 : 2 * index + 3]
            return node

        @classmethod
        def examples(cls) -> tuple[()]:
            return ()

    others = OperatorProvider()
    return {name: DropTerm if name == "DropTerm" else others[name] for name in OPERATORS}


def _places(path: Path, operators: dict[str, Any]) -> list[tuple[Path, str, int]]:
    """File, operator and occurrence of every mutant of a file."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path

    nodes = list(ast_nodes(get_ast_from_path(path)))
    counts = {name: sum(len(list(o().mutation_positions(n))) for n in nodes) for name, o in operators.items()}
    return [(path, name, i) for name, count in counts.items() for i in range(count)]


def _meaning(code: str) -> str:
    """What a module does: its syntax tree without annotations of functions and variables, which are text here."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.arg)):
            node.__dict__.update(returns=None, annotation=None)
        if isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.BinOp):
            node.annotation = ast.Name("text")
    return ast.dump(tree)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _changed_lines(before: str, after: str) -> tuple[int, str, str]:
    old, new = before.splitlines(), after.splitlines()
    _, a, b, c, d = next(o for o in difflib.SequenceMatcher(None, old, new, False).get_opcodes() if o[0] != "equal")
    return a + 1, " ".join(" ".join(old[a:b]).split()), " ".join(" ".join(new[c:d]).split())


def mutant_code(path: Path, operator: Any, occurrence: int) -> str | None:
    """The file with one change, or None where the change means nothing."""
    from cosmic_ray.mutating import mutate_code

    code = path.read_text(encoding="utf-8")
    changed = mutate_code(code, operator(), occurrence)
    with contextlib.suppress(SyntaxError):
        return changed if changed is not None and _meaning(changed) != _meaning(code) else None
    return None


def sample(package: str, each: int, seed: int, folder: Path) -> tuple[list[Mutant], int]:
    """Mutants of a package drawn without replacement, and how many there are.

    What was drawn is kept in a folder until the package changes.
    """
    files = {p: p.read_text(encoding="utf-8") for p in sorted((ROOT / "src" / "liebig" / package).glob("*.py"))}
    digests = {p: _digest(code) for p, code in files.items()}
    kept = folder / f"mutation-{package}-{_digest(f'{digests} {each} {seed} {OPERATORS}')}.json"
    if kept.exists():
        content = json.loads(kept.read_text(encoding="utf-8"))
        return [Mutant(**m) for m in content["mutants"]], content["count"]
    known = operators()
    places = [place for path in files for place in _places(path, known)]
    # by a number of each place's own, so that a change of one file leaves the draws from others as they were
    places.sort(key=lambda place: _digest(f"{seed} {package}/{place[0].name} {place[1]} {place[2]}"))
    out: list[Mutant] = []
    for path, name, occurrence in places:
        if len(out) == each:
            break
        changed = mutant_code(path, known[name], occurrence)
        if changed is not None:
            lines = _changed_lines(files[path], changed)
            out.append(Mutant(package, f"{package}/{path.name}", *lines, name, occurrence, digests[path]))
    kept.write_text(json.dumps({"count": len(places), "mutants": [asdict(m) for m in out]}), encoding="utf-8")
    return out, len(places)

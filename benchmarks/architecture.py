"""Prints the packages, their imports and the sizes of the code, for docs/architecture.md.

    .venv/bin/python benchmarks/architecture.py [ROOT]

Migrations and empty files are left out. The lines of a function are those from `def` to its end.
"""

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

APPS = ["school", "students", "accounts", "courses", "core"]


def find_files(root: Path, folders: list[str]) -> list[Path]:
    files = (path for folder in folders for path in (root / folder).rglob("*.py"))
    left_out = {"migrations"} if folders == ["tests"] else {"migrations", "tests"}
    return sorted(path for path in files if not left_out & {*path.relative_to(root).parts[:-1]})


def read_packages(root: Path, files: list[Path]) -> dict[Path, str]:
    packages = {}
    for path in files:
        parts = path.relative_to(root).with_suffix("").parts
        packages[path] = ".".join(parts[:2]) if len(parts) > 2 else parts[0]
    return packages


def imported_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def functions_of(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def describe(sizes: list[int]) -> str:
    p90 = quantiles(sizes, n=10)[-1] if len(sizes) > 1 else sizes[0]
    return f"median {median(sizes):.0f}, 90th percentile {p90:.0f}, largest {max(sizes)}"


def main(root: Path) -> None:
    files = find_files(root, APPS)
    packages = read_packages(root, files)
    known = set(packages.values())
    lines: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    imports: dict[str, Counter[str]] = defaultdict(Counter)
    for path in files:
        text = path.read_text()
        package = packages[path]
        lines[package] += text.count("\n")
        modules[package] += bool(text.strip())
        for module in imported_modules(ast.parse(text)):
            target = ".".join(module.split(".")[:2])
            if target not in known:
                target = target.split(".")[0]
            if target in known and target != package:
                imports[package][target] += 1
    print("| package | modules | lines | imports (times) |\n|---|---|---|---|")
    for package in sorted(known, key=lambda name: (APPS.index(name.split(".")[0]), name)):
        if not modules[package]:
            continue
        targets = ", ".join(f"{name} {count}" for name, count in sorted(imports[package].items()))
        print(f"| `{package}` | {modules[package]} | {lines[package]} | {targets} |")

    for title, folders in (("code", APPS), ("tests", ["tests"])):
        print_sizes(root, title, find_files(root, folders))


def print_sizes(root: Path, title: str, files: list[Path]) -> None:
    texts = {path: text for path in files if (text := path.read_text()).strip()}
    sizes = {path: text.count("\n") for path, text in texts.items()}
    found = [
        (size, f"{path.relative_to(root)}: {name}")
        for path, text in texts.items()
        for name, size in functions_of(ast.parse(text))
    ]
    long_lines = sum(len(line) > 100 for text in texts.values() for line in text.splitlines())
    print(f"\n{title}: {len(sizes)} files, {describe(list(sizes.values()))}")
    print(f"{title}: {len(found)} functions, {describe([size for size, _name in found])}")
    print(f"{title}: {long_lines} lines of more than 100 characters")
    for path, size in sorted(sizes.items(), key=lambda item: -item[1]):
        if size > 300:
            print(f"  {size} {path.relative_to(root)}")
    for size, name in sorted(found, reverse=True):
        if size > 50:
            print(f"  {size} {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve())

"""Files, functions and parameter lists that stay readable."""
import ast
import re

from tree import files, functions, read

FILE_LINES = 900
FUNCTION_LINES = 100
PARAMETERS = 6


def file_size(tree):
    for path in files(tree, ".c", ".h", ".py", ".bash", ".def", "quickstart", "check"):
        lines = read(tree, path).count("\n")
        if lines > FILE_LINES:
            yield f"{path}: {lines} lines, more than {FILE_LINES}: two rooms in one"


def function_size(tree):
    for f in functions(tree):
        if f.end - f.line + 1 > FUNCTION_LINES:
            yield f"{f.path}:{f.line}: {f.name} has {f.end - f.line + 1} lines, more than {FUNCTION_LINES}"
    for path in files(tree, ".py"):
        for node in ast.walk(ast.parse(read(tree, path))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has more than {FUNCTION_LINES} lines"


def parameter_count(tree):
    for f in functions(tree):
        if f.parameters > PARAMETERS:
            yield f"{f.path}:{f.line}: {f.name} has {f.parameters} parameters, more than {PARAMETERS}"


def conditional_compilation(tree):
    """No #if inside a function: alternatives are whole functions."""
    lines = {}
    for f in functions(tree):
        if f.path not in lines:
            lines[f.path] = read(tree, f.path).splitlines()
        for number in range(f.line, min(f.end, len(lines[f.path]))):
            if re.match(r"\s*#\s*if", lines[f.path][number]):
                yield f"{f.path}:{number + 1}: #if inside {f.name}"

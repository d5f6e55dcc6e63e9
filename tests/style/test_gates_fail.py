"""Every gate can fail: a small tree that breaks one rule is complained about, the same tree without the fault is not."""
import os
import shutil
import subprocess

import banned
import documented
import form
import pytest
import size
import walls
from test_gates import TREE

LONG_FUNCTION = "int\nf(void)\n{\n" + "\tf();\n" * 97 + "\treturn 0;\n}\n"
GOOD_FUNCTION = "int\nf(void)\n{\n\treturn 0;\n}\n"
DP_HEADER = {"dp/include/dp/dp.h": "#include <stdint.h>\nuint32_t dp_count(void);\n"}
STAGES = {"dp/include/dp/stage.def": 'STAGE(RX, "take a burst")\n'}

# gate, files of a tree that breaks its rule, the complaint's words, files of one that does not
CASES = {
    "file of 901 lines": (size.file_size, {"cp/a.c": "\n" * 901}, "cp/a.c: 901", {"cp/a.c": "\n" * 900}),
    "function of 101 lines": (size.function_size, {"cp/a.c": LONG_FUNCTION}, "f has 101",
                              {"cp/a.c": LONG_FUNCTION.replace("\tf();\n", "", 1)}),
    "long python function": (size.function_size, {"tests/a.py": "def f():\n" + "    f()\n" * 101}, "tests/a.py:1",
                             {"tests/a.py": "def f():\n" + "    f()\n" * 99}),
    "seven parameters": (size.parameter_count,
                         {"cp/a.c": "int\nf(int a, int b, int c, int d, int e, int g, int h)\n{\n\treturn 0;\n}\n"}, "7 param",
                         {"cp/a.c": "int\nf(int a, int b, int c, int d, int e, int (*g)(int, int))\n{\n\treturn 0;\n}\n"}),
    "#if in a function": (size.conditional_compilation, {"cp/a.c": "int\nf(void)\n{\n#ifdef X\n\treturn 1;\n#endif\n\treturn 0;\n}\n"},
                          "cp/a.c:4: #if inside f", {"cp/a.c": "#ifdef X\n" + GOOD_FUNCTION + "#endif\n"}),
    "dp includes cp": (walls.includes, {"dp/a.c": '#include <cp/cp.h>\n', "cp/include/cp/cp.h": ""}, "dp may not include",
                       {"cp/a.c": '#include <dp/dp.h>\n', **DP_HEADER}),
    "private header of another room": (walls.includes, {"pools/a.c": '#include "../dp/lcore.h"\n', "dp/lcore.h": ""}, "`..`",
                                       {"dp/a.c": '#include "lcore.h"\n', "dp/lcore.h": ""}),
    "dp's header in a leaf": (walls.includes, {"radius/a.c": '#include <dp/dp.h>\n', **DP_HEADER}, "radius may not include",
                              {"radius/a_test.c": '#include <dp/dp.h>\n', **DP_HEADER}),
    "header that needs another": (walls.headers_alone, {"dp/a.h": "uint32_t f(void);\n"}, "dp/a.h: does not compile alone",
                                  {"dp/a.h": "#include <dp/dp.h>\n", **DP_HEADER}),
    "strcpy": (banned.unbounded_writes, {"cp/a.c": "void f(char *p) { strcpy(p, q); }\n"}, "cp/a.c:1: strcpy",
               {"cp/a.c": "/* strcpy(a, b) */\nconst char *s = \"sprintf(\"; int n = snprintf(0, 0, \"\");\n"}),
    "socket in dp": (banned.sockets, {"dp/a.c": "int f(void) { return socket(1, 2, 3); }\n"}, "dp/a.c:1: socket",
                     {"radius/a.c": "int f(void) { return socket(1, 2, 3); }\n"}),
    "malloc in dp": (banned.worker_calls, {"dp/a.c": "\nvoid *p = malloc(1);\n"}, "dp/a.c:2: malloc",
                     {"dp/a.c": "/* init-only file */\nvoid *p = malloc(1);\n"}),
    "clock in dp": (banned.worker_calls, {"dp/a.h": "int n = clock_gettime(0, 0);\n"}, "clock_gettime",
                    {"cp/a.c": "int n = clock_gettime(0, 0);\n"}),
    "printf in dp": (banned.worker_calls, {"dp/a.c": 'void f(void) { printf("x"); }\n'}, "printf",
                     {"dp/a_test.c": 'void f(void) { printf("x"); }\n'}),
    "something left over": (banned.left_over, {"cp/a.c": "/* TO" + "DO: later */\n"}, "cp/a.c:1",
                            {"cp/a.c": "/* the TODOs of others */\n"}),
    "stage without words": (documented.stages, {**STAGES, "docs/packet-path.md": "## ETH\n"}, "stage RX",
                            {**STAGES, "docs/packet-path.md": "## RX\n"}),
    "room without README": (documented.room_readmes, {"cp/a.c": ""}, "cp/README: missing", {"cp/README": "cp\n"}),
    "README of 16 lines": (documented.room_readmes, {"cp/README": "\n" * 16}, "more than 15", {"cp/README": "\n" * 15}),
    "fuzz target without seeds": (documented.fuzz_corpora, {"cp/avp_fuzz.c": ""}, "no seeds",
                                  {"cp/avp_fuzz.c": "", "tests/fuzz/corpus/avp/hello": "x"}),
    "spaces for a tab": (form.clang_format, {"cp/a.c": "int\nf(void)\n{\n        return 0;\n}\n"}, "clang-format",
                         {"cp/a.c": GOOD_FUNCTION}),
    "trailing space": (form.white_space, {"cp/README": "cp \n"}, "cp/README:1", {"cp/README": "cp\n"}),
    "no last line end": (form.white_space, {"cp/README": "cp"}, "no line end", {"cp/README": "cp\n"}),
    "unquoted variable": (form.shellcheck, {"tool": "#!/bin/sh\nrm $1\n"}, "SC2086", {"tool": '#!/bin/sh\nrm "$1"\n'}),
}


def plant(tree, contents):
    for path, text in contents.items():
        os.makedirs(tree / os.path.dirname(path), exist_ok=True)
        (tree / path).write_text(text)
    shutil.copy(os.path.join(TREE, ".clang-format"), tree)
    return str(tree)


@pytest.mark.parametrize("name", CASES)
def test_gate_fails(name, tmp_path):
    gate, bad, words, good = CASES[name]
    complaints = list(gate(plant(tmp_path / "bad", bad)))
    assert any(words in complaint for complaint in complaints), complaints
    assert list(gate(plant(tmp_path / "good", good))) == []


def test_stale_list_is_found(tmp_path):
    tree = tmp_path / "tree"
    for path in ("scripts/lists.py", "dp/include/dp/msg.def", "dp/include/dp/drop.def", "docs/messages.md", "docs/drops.md"):
        os.makedirs((tree / path).parent, exist_ok=True)
        shutil.copy(os.path.join(TREE, path), tree / path)
    assert list(documented.generated_lists(str(tree))) == []
    with open(tree / "dp/include/dp/drop.def", "a") as file:
        file.write('DROP(NEW, "eth", PEER, "a reason that no document has", "")\n')
    assert "docs/drops.md" in list(documented.generated_lists(str(tree)))[0]


@pytest.mark.parametrize("subject, good", [
    ("dp: count what is dropped", True),
    ("dp, cp: count what is dropped", True),
    ("Count what is dropped", False),
    ("dp: " + "x" * 69, False),
])
def test_commit_subject(tmp_path, subject, good):
    environment = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
                   "GIT_COMMITTER_EMAIL": "a@example.org"}
    for command in (["git", "init", "-q"], ["git", "commit", "-q", "--allow-empty", "-m", subject]):
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (list(form.commit_subjects(str(tmp_path))) == []) == good

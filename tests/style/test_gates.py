"""This tree passes every gate."""
import os

import banned
import documented
import form
import pytest
import size
import walls

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GATES = [
    size.file_size, size.function_size, size.parameter_count, size.conditional_compilation,
    walls.includes, walls.headers_alone,
    banned.unbounded_writes, banned.sockets, banned.worker_calls, banned.left_over,
    documented.generated_lists, documented.stages, documented.room_readmes, documented.fuzz_corpora,
    form.clang_format, form.white_space, form.shellcheck,
]


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.__name__)
def test_gate(gate):
    complaints = list(gate(TREE))
    assert not complaints, "\n" + "\n".join(complaints)


def test_commit_subjects():
    if not os.path.exists(os.path.join(TREE, ".git")):
        pytest.skip("not a git clone")
    complaints = list(form.commit_subjects(TREE))
    assert not complaints, "\n" + "\n".join(complaints)

"""What cannot fit into memory is refused: that of the machine, or a smaller limit."""

import subprocess
import sys

import pytest

from skqnn import _memory
from skqnn._memory import _of_groups, memory_limit, require_memory


@pytest.mark.parametrize("n_qubits", [40, 63, 2000])
def test_states_that_cannot_fit_are_refused(n_qubits):
    with pytest.raises(MemoryError, match=rf"of {n_qubits} qubits need .* GiB"):
        require_memory(n_qubits, 1)


def test_qubits_may_be_more_than_powers_of_two_can_be_computed_for():
    with pytest.raises(MemoryError, match=r"need 2\*\*9{29}73 GiB"):
        require_memory(10**31, 1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_angles_take_the_memory_that_they_are_refused_for():
    """In a process of its own, one circuit after the other, which are kept."""
    code = """
from pathlib import Path
from resource import getpagesize
from skqnn._circuits.ansatz import build_ansatz
from skqnn._circuits.preparation import preparation_circuit
def memory():
    return getpagesize() * int(Path("/proc/self/statm").read_text().split()[1])
kept = []
for make in (
    lambda: build_ansatz("real_amplitudes", 3, 8000, "linear"),
    lambda: build_ansatz("tree", 3, 8000, "linear"),
    lambda: preparation_circuit("layers", 3, 8000),
):
    before = memory()
    kept.append(make())
    print((memory() - before) / kept[-1].num_parameters)
"""
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    sizes = [float(line) for line in output.split()]
    assert len(sizes) == 3
    assert _memory._ANGLE / 2 < min(sizes) <= max(sizes) < 2 * _memory._ANGLE, sizes


def test_what_is_held_besides_counts(monkeypatch):
    monkeypatch.setattr(_memory, "memory_limit", lambda: 2**30)
    require_memory(20, 100, 8, others=200)
    with pytest.raises(MemoryError, match=r"need 1 GiB .* may use 1.0 GiB"):
        require_memory(20, 100, 8, others=224 + 1)


def test_limit_is_that_of_the_machine_or_less():
    assert 2**26 < memory_limit() <= next(_memory._of_machine())


@pytest.mark.parametrize(
    "told, files, limits",
    [
        ("0::/\n", {"memory.max": "1000\n"}, [1000]),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "500\n"}, [500]),
        ("0::/not/here\n", {"memory.max": "70\n"}, [70]),
        (
            "5:cpu,memory:/a\n3:cpu:/\n",
            {
                "memory/a/memory.limit_in_bytes": "5\n",
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            [5, 9223372036854771712],
        ),
        ("", {}, []),
    ],
    ids=["container", "above", "path of the host", "version 1", "none"],
)
def test_limits_of_control_groups(tmp_path, told, files, limits):
    (tmp_path / "told").write_text(told)
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert list(_of_groups(tmp_path / "told", tmp_path / "root")) == limits


def test_limit_of_the_process(monkeypatch):
    resource = pytest.importorskip("resource")
    limits = {resource.RLIMIT_AS: (12345, resource.RLIM_INFINITY)}
    monkeypatch.setattr(resource, "getrlimit", limits.__getitem__)
    assert memory_limit() == 12345

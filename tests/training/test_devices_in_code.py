"""No tensor is made on the CPU by accident: read from the code."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "explainable_seg"
ROOMS = (
    "models",
    "nmf",
    "features",
    "training",
    "explanation",
    "interpreters",
    "evaluation",
)
# Not `from_numpy`: what comes from NumPy is on the CPU in any case.
MAKERS = {
    "arange",
    "as_tensor",
    "empty",
    "eye",
    "full",
    "hann_window",
    "linspace",
    "logspace",
    "ones",
    "rand",
    "randint",
    "randn",
    "randperm",
    "tensor",
    "zeros",
}
# Around what makes a tensor: the module's own, which moves with it.
OWNERS = ("Parameter", "register_buffer")
COUNTS = "sums over recordings, on the CPU, where what they add is brought"
SECONDS = "sums of seconds from arrays, which are on the CPU"
WINDOWS = "cut and averaged on the CPU, where recordings are"
EXCEPTIONS = {
    "models/windows.py cut_windows": WINDOWS,
    "models/windows.py window_weights": WINDOWS,
    "models/windows.py one_stretch": WINDOWS,
    "models/windows.py OverlapAdd.__init__": WINDOWS,
    "models/student.py Student.__init__": "becomes a buffer two lines below",
    "training/stems.py mix_stems": "drawn on the CPU, and brought",
    "nmf/numerics.py _as_tensor": "of an array, which is on the CPU",
    "evaluation/thresholds.py ThresholdSweep.__init__": COUNTS,
    "interpreters/captum_methods.py patch_index": "made once, on the CPU",
    "evaluation/curves.py CalibrationStats.__init__": COUNTS,
    "evaluation/curves.py CalibrationStats.update": COUNTS,
    "evaluation/curves.py PrecisionRecallStats.__init__": COUNTS,
    "evaluation/representation.py AgreementStats.__init__": COUNTS,
    "evaluation/representation.py RepresentationStats.__init__": COUNTS,
    "evaluation/candidates.py Candidates.distances": SECONDS,
    "evaluation/candidates.py Counts.without": SECONDS,
    "evaluation/candidates.py count": SECONDS,
    "evaluation/tuning.py _grouped": SECONDS,
    "evaluation/tuning.py _cross_validated": SECONDS,
    "evaluation/curves.py _enough": "of scores, which are no tensors",
    "evaluation/curves.py _sums": "of scores, which are no tensors",
    "evaluation/faithfulness.py area_weights": "of numbers, in float64",
    "evaluation/faithfulness.py FaithfulnessStats.__init__": COUNTS,
    "evaluation/faithfulness.py FaithfulnessStats.update": COUNTS,
    "explanation/prototypes.py PrototypeStats.__init__": COUNTS,
    "explanation/prototypes.py PrototypeStats.update": COUNTS,
    "explanation/prototypes.py PrototypeStats.prototype": COUNTS,
    "explanation/selection.py bin_hz": "frequencies; callers move them",
    "explanation/selection.py SegmentMeans.__init__": COUNTS,
}


def made_without_device(text):
    """Calls of makers without a device: function around them, and maker."""
    found = []
    tree = ast.parse(text)
    moved = {
        id(base_of(node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "to"
    }

    def visit(node, around, owned):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            around = f"{around}.{node.name}" if around else node.name
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", "")
            owned = owned or name in OWNERS
            value = getattr(node.func, "value", None)
            of_torch = getattr(value, "id", None) == "torch"
            # One on the CPU draws the same for all devices.
            placed = {"device", "generator"} & {k.arg for k in node.keywords}
            if of_torch and name in MAKERS and not (placed or owned):
                if id(node) not in moved:
                    found.append((around, name))
        for child in ast.iter_child_nodes(node):
            visit(child, around, owned)

    visit(tree, "", False)
    return found


def base_of(node):
    """What a chain of calls and indices begins with: its first call."""
    while True:
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            below = getattr(node.func, "value", None)
            if not isinstance(below, (ast.Call, ast.Subscript)):
                return node
            node = below
        else:
            return node


def found_in_rooms():
    """All of them, by room and file."""
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            name = str(path.relative_to(PACKAGE))
            for around, maker in made_without_device(path.read_text()):
                yield name, around, maker


def test_each_tensor_is_made_where_it_is_needed():
    found = {f"{name} {around}" for name, around, _ in found_in_rooms()}
    assert found - set(EXCEPTIONS) == set()
    assert set(EXCEPTIONS) - found == set()  # none outlives its reason


@pytest.mark.parametrize(
    "code, expected",
    [
        ("torch.zeros(3)", [("f", "zeros")]),
        ("torch.zeros(3, device=x.device)", []),
        ("x.new_zeros(3)", []),
        ("torch.zeros_like(x)", []),
        ("torch.arange(3).to(x.device)", []),
        ("torch.tensor(x).double().to(x) * 2", []),
        ("torch.randperm(3, generator=g)", []),
        ("torch.nn.Parameter(torch.zeros(3))", []),
        ("self.register_buffer('w', torch.ones(2))", []),
        ("y.to(torch.zeros(3))", [("f", "zeros")]),
        ("torch.from_numpy(a)[None].to(x.device)", []),
        ("g(torch.eye(2), torch.rand(2))", [("f", "eye"), ("f", "rand")]),
    ],
)
def test_the_reader_sees_them(code, expected):
    assert made_without_device(f"def f(x):\n    {code}\n") == expected

"""examples/vitcod.ipynb: its cells one after the other, and by Jupyter where it is."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOK = EXAMPLES / "vitcod.ipynb"
FIGURES = 3  # masks, plan, bars


def pictures(text: str) -> int:
    """How many pictures there are in HTML, each of which is well-formed."""
    parts = text.split("<svg")[1:]
    for part in parts:
        ElementTree.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")
    return len(parts)


class Notebook(unittest.TestCase):
    def setUp(self):
        self.before = os.getcwd()
        os.chdir(EXAMPLES)
        self.addCleanup(os.chdir, self.before)

    def cells(self):
        for cell in json.loads(NOTEBOOK.read_text())["cells"]:
            if cell["cell_type"] == "code":
                self.assertEqual(cell["outputs"], [], "outputs are not kept in the repository")
                yield "".join(cell["source"])

    def test_cells(self):
        names: dict = {"__name__": "__main__"}
        shown = []
        for source in self.cells():
            tree = ast.parse(source)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, str(NOTEBOOK), "exec"), names)
            if last is not None:
                value = compile(ast.Expression(last.value), str(NOTEBOOK), "eval")
                shown.append(eval(value, names))
        html = [value._repr_html_() for value in shown if hasattr(value, "_repr_html_")]
        self.assertEqual(sum(pictures(text) > 0 for text in html), FIGURES)
        self.assertLess(names["cycles"]["on the plan"], names["cycles"]["dense"])
        self.assertGreater(names["pruned"].sparsity, 0.89)

    @unittest.skipUnless(
        all(importlib.util.find_spec(name) for name in ("nbclient", "nbformat", "ipykernel")),
        "no Jupyter (Debian: python3-nbclient python3-ipykernel)",
    )
    def test_in_jupyter(self):
        import vitcod

        # The kernel of a system runs the system's Python, which is to find this package.
        paths = [str(Path(vitcod.__file__).parents[1]), *filter(None, sys.path)]
        with tempfile.TemporaryDirectory() as home:
            run = subprocess.run(
                [sys.executable, "-c", IN_JUPYTER, str(NOTEBOOK)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HOME": home},
                capture_output=True,
                text=True,
            )
        self.assertEqual(run.returncode, 0, run.stderr)
        outputs = json.loads(run.stdout)
        html = [text for text in outputs if pictures(text)]
        self.assertEqual(len(html), FIGURES)


IN_JUPYTER = """
import json, sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
nbclient.NotebookClient(notebook, timeout=300).execute()
print(json.dumps([
    "".join(output["data"]["text/html"])
    for cell in notebook.cells if cell.cell_type == "code"
    for output in cell.outputs if "text/html" in output.get("data", {})
]))
"""


if __name__ == "__main__":
    unittest.main()

"""Makes notebooks and pages of the tutorials: runs each one from top to bottom, and keeps what it prints and draws.

    python tools/tutorials.py                                    all of them, in full, to docs/tutorials/
    python tools/tutorials.py --short --out=/tmp/tutorials       in the short form that CI runs
    python tools/tutorials.py 01_first_gan 05_scores             these
    python tools/tutorials.py --notebooks=notebooks              as notebooks with their outputs, too

A tutorial is a program in jupytext's percent format: `python tutorials/01_first_gan.py` runs it, Jupyter opens it with
jupytext as a notebook. Each runs in a kernel and an empty folder of its own. A cell that fails ends everything with its
error and exit code 1, and the page is not written. Needs keras-gans[tutorials].
"""

import argparse
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

TUTORIALS = pathlib.Path(__file__).parents[1] / "tutorials"
SECONDS = 1800  # for a cell


def main():
    names = sorted(path.stem for path in TUTORIALS.glob("[0-9]*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; default: all")
    parser.add_argument("--short", action="store_true", help="few steps, small sets: whether they run, not what they show")
    parser.add_argument("--out", default=TUTORIALS.parent / "docs/tutorials", type=pathlib.Path, help="folder of the pages")
    parser.add_argument("--notebooks", type=pathlib.Path, help="folder of the notebooks; default: none are written")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no tutorial {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    os.environ["TUTORIAL_SHORT"] = "1" if arguments.short else ""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in arguments.names or names:
        start = time.perf_counter()
        notebook = executed(TUTORIALS / f"{name}.py")
        write_page(notebook, arguments.out, name)
        if arguments.notebooks:
            import nbformat

            arguments.notebooks.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, arguments.notebooks / f"{name}.ipynb")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


def executed(path):
    """Returns the notebook of a tutorial with the outputs of all its cells.

    Raises:
        SystemExit: a cell failed, or took too long.
    """
    import jupytext
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = jupytext.read(path)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": folder}})
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError) as error:
            sys.exit(f"{path.name} failed:\n" + re.sub(r"\x1b\[[0-9;]*m", "", str(error)))  # without IPython's colours
    return notebook


def write_page(notebook, folder, name):
    """Writes `FOLDER/NAME.md` and its pictures, `FOLDER/NAME/`; those of an earlier time go.

    Progress bars and notes of TensorFlow, which go to stderr, are left out.
    """
    from nbconvert import MarkdownExporter

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = shown(cell.outputs)
    text, resources = MarkdownExporter().from_notebook_node(notebook, {"output_files_dir": name, "unique_key": "picture"})
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / name, ignore_errors=True)
    for file, content in resources["outputs"].items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (folder / f"{name}.md").write_text(text.strip() + "\n", encoding="utf-8")


def shown(outputs):
    """Returns what a page shows of a cell's outputs: its own words in one piece, and one form of each picture."""
    kept, said = [], ""
    for output in outputs:
        if output.get("name") == "stdout":
            said += output.text.replace(f"{sys.prefix}{os.sep}", "")  # where this environment lies is of no use to a reader
        elif output.get("name") != "stderr":
            # Pillow gives PNG and JPEG: PNG, but of large ones, whose base64 is more than 80 kB.
            if {"image/png", "image/jpeg"} <= set(output.get("data", {})):
                del output.data["image/jpeg" if len(output.data["image/png"]) < 80_000 else "image/png"]
            kept.append(output)
    said = re.sub(r"^(INFO|WARNING):tensorflow:.*\n", "", said, flags=re.MULTILINE)
    if said.strip():
        import nbformat

        kept.insert(0, nbformat.v4.new_output("stream", name="stdout", text=said))
    return kept


if __name__ == "__main__":
    main()

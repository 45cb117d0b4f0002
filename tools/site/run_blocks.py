"""Runs every block of code in docs/ that stands behind the line `<!-- runnable -->`.

python tools/site/run_blocks.py            all of them, in one temporary folder
python tools/site/run_blocks.py --list     says which there are

docs/start.md comes first: the other pages may use its runs/quickstart. Blocks run in the order of the page, each
by itself.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

DOCS = pathlib.Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^<!-- runnable -->\n```(\w+)[^\n]*\n(.*?)^```$", re.S | re.M)
MARK = re.compile(r"^<!-- runnable -->", re.M)


def blocks():
    """Returns a list of (page, number, language, text), docs/start.md first.

    Raises:
        ValueError: a mark without a block of bash or Python right behind it.
    """
    found = []
    for page in sorted(DOCS.rglob("*.md"), key=lambda page: (page.name != "start.md", page)):
        text = page.read_text(encoding="utf-8")
        here = BLOCK.findall(text)
        if len(here) != len(MARK.findall(text)) or {language for language, _ in here} - {"bash", "python"}:
            raise ValueError(f"{page}: <!-- runnable --> should stand right above a block of bash or python")
        found += [(page.relative_to(DOCS).as_posix(), number, *block) for number, block in enumerate(here, 1)]
    return found


def main():
    found = blocks()
    if not found:
        print("no block is marked as runnable")
        return 1
    if "--list" in sys.argv:
        print("\n".join(f"{page} {number} {language}" for page, number, language, _ in found))
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for page, number, language, text in found:
            start = time.monotonic()
            command = ["bash", "-euo", "pipefail", "-c", text] if language == "bash" else [sys.executable, "-c", text]
            ran = subprocess.run(
                command, cwd=folder, env=os.environ | {"KERAS_BACKEND": "tensorflow"}, capture_output=True, text=True
            )
            failed += bool(ran.returncode)
            print(
                f"{page}, block {number}: {'failed' if ran.returncode else 'ran'}, {time.monotonic() - start:.0f} s",
                flush=True,
            )
            if ran.returncode:
                print(text, ran.stdout[-2000:], ran.stderr[-4000:], sep="\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

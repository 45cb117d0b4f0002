"""Writes docs/faithfulness.md: every recipe beside its original, from the headers of configs/*.flags.

python benchmarks/faithfulness.py            (writes it)
python benchmarks/faithfulness.py --check    (ends with 1 where it is out of date)
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs/faithfulness.md"

HEAD = """# How faithful the recipes are

Made by `python benchmarks/faithfulness.py` from the headers of `configs/*.flags`; change those, not this page.

A comparison is either a test, in which a second implementation of the step (PyTorch or NumPy, with the original's
constants) runs beside ours each time the tests run, or the original's own code, run once beside ours by hand at the date
given. "Not compared": the recipe was written after the paper and the code, and no whole step of it has been laid beside
them; its parts (losses, penalties, layers, networks) have tests of their own.

| recipe | original | compared | largest difference | with | date |
|---|---|---|---|---|---|
"""

FOOT = """
## How to write a header

A recipe's header is the block of comments at the top of its flagfile: `# Field:` and the text from the eleventh column on,
further lines indented as far, at most 120 wide. `Paper:` names authors, year and title, and after `code ` the repository.
`Differs:` lists what is not as there, items separated by semicolons, each with a number or a reason; "nothing that is known"
if there is nothing. `Checked:` lists comparisons, separated by semicolons, each `AGAINST, WHAT, NUMBER, DATE`: against a
repository (`owner/name`, run by hand) or a test (`tests/FILE.py::test_name`); what was compared (may hold commas); the
largest difference (no comma); the day, as 2026-11-28. A recipe that nothing was compared for leaves `Checked:` out. After a
change, run the command above; a test fails where the page is out of date.
"""


def header(path):
    """Returns the fields of a flagfile's header, a dict: name -> text on one line."""
    fields, name = {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        field = re.match(r"# (\w+): +(.+)$", line)
        if field:
            name, text = field.groups()
            fields[name] = text.strip()
        elif name and line.startswith("#   "):
            fields[name] += " " + line[1:].strip()
        else:
            name = None
    return fields


def items(text):
    """Splits a field at its semicolons, but for those inside brackets and quotes."""
    found, depth, quoted = [""], 0, False
    for letter in text:
        quoted ^= letter == '"'
        depth += (letter in "([") - (letter in ")]")
        if letter == ";" and depth == 0 and not quoted:
            found.append("")
        else:
            found[-1] += letter
    return [item.strip() for item in found if item.strip()]


def original(fields):
    """Returns what a header names after "code" (a repository, or a folder in one), else the paper's authors and year."""
    code = re.search(r"\bcode ([\w.-]+/[\w./-]+)", fields["Paper"])
    return f"`{code[1].rstrip('.')}`" if code else fields["Paper"].partition(', "')[0]


def comparisons(fields):
    """Returns the comparisons of a header: a list of (against, what, number, date).

    Raises:
        ValueError: one that has not these four parts.
    """
    found = []
    for item in items(fields.get("Checked", "")):
        match = re.fullmatch(r"([\w./:-]+), (.+), ([^,]*\d[^,]*), (20\d\d-\d\d-\d\d)", item)
        if not match:
            raise ValueError(f"Checked should be AGAINST, WHAT, NUMBER, DATE: {item!r}")
        found.append(match.groups())
    return found


def recipes():
    """Returns {recipe: fields of its header}."""
    return {path.stem: header(path) for path in sorted((ROOT / "configs").glob("*.flags"))}


def page():
    """Returns the text of docs/faithfulness.md."""
    rows, lists = [], []
    for name, fields in recipes().items():
        found = comparisons(fields) or [(None, "not compared", "", "")]
        for index, (against, what, number, date) in enumerate(found):
            first = (f"[{name}](../configs/{name}.flags)", original(fields)) if index == 0 else ("", "")
            rows.append((*first, what, number, f"`{against}`" if against else "", date))
        lists.append(f"**{name}**: {fields.get('Differs', 'nothing that is known')}.")
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{HEAD}{table}\n\n## Where they differ\n\n" + "\n\n".join(lists) + "\n" + FOOT


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where the page is out of date")
    made = page()
    if parser.parse_args().check:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == made else f"{PAGE} is out of date: run {sys.argv[0]}")
    PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()

"""The pages of the tutorials say what the tutorials say; `.ci/tutorials` runs them."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = ROOT / "docs/tutorials"
MADE = sorted(page.stem for page in PAGES.glob("*.md"))  # those that have been run in full


@pytest.mark.parametrize("name", MADE)
def test_page_is_of_its_tutorial(name):
    """Remake it with `python tools/tutorials.py NAME` where this fails."""
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    lines = page.splitlines()
    _, *cells = re.split(r"^# %%", (ROOT / f"tutorials/{name}.py").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for cell in cells:
        kind, _, body = cell.partition("\n")
        wanted = [line.removeprefix("#").removeprefix(" ") if "markdown" in kind else line for line in body.splitlines()]
        assert not [line for line in wanted if line.strip() and line not in lines]
    pictures = re.findall(r"!\[.*\]\((.+)\)", page)
    assert sorted(pictures) == sorted(str(file.relative_to(PAGES)) for file in (PAGES / name).glob("*"))


def test_pictures_are_small():
    assert 0 < sum(file.stat().st_size for file in PAGES.rglob("*.*")) < 2_500_000

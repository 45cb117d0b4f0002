"""docs/faithfulness.md: up to date, complete, and true of the tests that it names."""

import importlib.util
import re

import helpers
import pytest

_SPEC = importlib.util.spec_from_file_location("faithfulness", helpers.ROOT / "benchmarks/faithfulness.py")
faithfulness = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(faithfulness)
NAMES = sorted(path.stem for path in (helpers.ROOT / "configs").glob("*.flags"))
REASON = re.compile(r"\d|\(|\b(as|because|since|so that|which|where|nothing that is known)\b")


def test_the_page_is_up_to_date_and_has_a_row_for_each_recipe():
    text = faithfulness.PAGE.read_text(encoding="utf-8")
    assert text == faithfulness.page(), "run python benchmarks/faithfulness.py"
    for name in NAMES:
        assert f"| [{name}](../configs/{name}.flags) | " in text and f"\n**{name}**: " in text, name


@pytest.mark.parametrize("name", NAMES)
def test_each_difference_has_a_number_or_a_reason_and_each_check_a_test_or_a_repository(name):
    fields = faithfulness.header(helpers.ROOT / f"configs/{name}.flags")
    for item in faithfulness.items(fields.get("Differs", "nothing that is known")):
        assert REASON.search(item), f"{item!r}: by how much, or why?"
    for against, _, _, _ in faithfulness.comparisons(fields):
        file, _, test = against.partition("::")
        if file.startswith("tests/"):
            assert re.search(rf"^def {test}\(", (helpers.ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), against
        else:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", against), against


def test_header_and_its_parts(tmp_path):
    path = tmp_path / "x.flags"
    path.write_text(
        '# A thing: of two\n# kinds.\n# Paper:   Doe et al. 2020, "A; b"; code doe/thing, main.py\n# Differs: one (a; b)\n'
        "#          of 2; another\n# Checked: doe/thing, losses, gradients per tensor, 3e-6 of their length, 2026-11-28\n"
        "--game=gan\n# Paper:   no\n"
    )
    fields = faithfulness.header(path)
    assert faithfulness.items(fields["Differs"]) == ["one (a; b) of 2", "another"]
    assert faithfulness.original(fields) == "`doe/thing`"
    assert faithfulness.original({"Paper": 'Doe, Roe 2020, "A, code"'}) == "Doe, Roe 2020"
    assert faithfulness.comparisons(fields) == [
        ("doe/thing", "losses, gradients per tensor", "3e-6 of their length", "2026-11-28")
    ]
    with pytest.raises(ValueError, match="AGAINST, WHAT, NUMBER, DATE"):
        faithfulness.comparisons({"Checked": "doe/thing, losses, 2026-11-28"})

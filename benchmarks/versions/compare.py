"""Opens every reference run with another checkout, through its verbs, and compares every output file byte for byte.

    python compare.py --checkout=../.. --figures=after.json            about eight minutes on two idle cores
    python compare.py --checkout=../.. --names=cyclegan,adain
    python compare.py --checkout=../.. --export --figures=after.json   the exporters too (seven minutes more)

The table has the seconds of CPU (of all threads: the clock's are in the JSON, but mean little where others use the
machine), the memory and the numbers that were read from the checkpoint, before -> now, of every command. The exit code is
1 where a file differs, is missing or is new, or a command fails. The last column is "-" where nothing was read from HDF5,
in which case only seconds and memory say how much was read. TFLite files are compared for information: a difference there
is shown and does not count.
"""

import argparse
import json
import math
import pathlib
import tempfile

import cases
import measured


def differing(before, now):
    """Returns the names of files that are not the same in two dicts of hashes."""
    return sorted(name for name in before | now if before.get(name) != now.get(name))


def show(name, title, before, now, verdict):
    """Prints one row of the table."""
    cells = [
        f"{before.get('cpu_seconds', math.nan):6.1f} ->{now['cpu_seconds']:6.1f}",
        f"{before['peak_mb']:5d} ->{now['peak_mb']:5d}",
        f"{before['weights_read'] or '-':>10} ->{now['weights_read'] or '-':>10}",
    ]
    print(f"{name:<24}{title:<14}" + "   ".join(cells) + f"   {verdict}", flush=True)


def compare(checkout, reference, name, export=False):
    """Draws with (or exports) one run and compares.

    Returns:
        (whether all is well, the figures).
    """
    record = json.loads((reference / name / ("export.json" if export else "record.json")).read_text())
    before, well = record["figures" if export else "verbs"], True
    with tempfile.TemporaryDirectory() as out:
        drawn = cases.draw(checkout, name, cases.RUNS / name, out, export)
        found = measured.hashes(out)
    if export:
        found = {file: digest for file, digest in found.items() if file.endswith(".tflite")}
    wrong = differing(record["files"], found)
    figures = {title: made.figures() for title, made in drawn.items()}
    for title, made in drawn.items():
        verdict = "equal" if not wrong else f"DIFFERENT: {', '.join(wrong)}"
        if export:
            verdict = "" if title == "saved_model" else "equal" if not wrong else "other bytes (which does not count)"
        if made.code != before[title]["code"]:
            verdict, well = f"FAILED with exit code {made.code}", False
            print(made.output[-2000:])
        show(name, title, before[title], figures[title], verdict)
    return well and (export or not wrong), figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=lambda path: pathlib.Path(path).resolve(), required=True, help="whose verbs draw")
    parser.add_argument("--reference", type=pathlib.Path, default=cases.HERE / "reference", help="what record.py has made")
    parser.add_argument("--names", help="recipes, with commas between them; default: all")
    parser.add_argument("--figures", type=pathlib.Path, help="JSON to write the measurements into")
    parser.add_argument("--export", action="store_true", help="the exporters too")
    given = parser.parse_args()
    every = sorted(path.parent.name for path in given.reference.glob("*/record.json"))
    every = given.names.split(",") if given.names else every
    print(f"{'run':<24}{'command':<14}{'CPU seconds':^15} {'peak MB':^17} {'weights read':^27}")
    entries, different = {}, []
    for name in every:
        well, figures = compare(given.checkout, given.reference, name)
        entries[name] = {"verbs": figures, "equal": well}
        if given.export and (given.reference / name / "export.json").is_file():
            exported, entries[name]["export"] = compare(given.checkout, given.reference, name, export=True)
            well &= exported
        if not well:
            different.append(name)
        if given.figures:
            about = measured.about() | {"checkout": str(given.checkout)}
            given.figures.write_text(json.dumps(about | {"runs": entries}, indent=1) + "\n")
    print(f"{len(every) - len(different)} of {len(every)} equal" + (f"; not: {', '.join(different)}" if different else ""))
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())

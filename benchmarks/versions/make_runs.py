"""Makes a short reference run of every recipe, with the code of one checkout: two to eight steps of small pictures.

    python make_data.py && python make_runs.py --checkout=../keras_gans-0.1.0

Runs that are there are left alone. A line each says how long it took; logs lie beside them.
"""

import argparse
import pathlib

import cases
import measured


def train(checkout, name):
    """Trains one recipe; returns its `Measured`, None if it was there before."""
    folder = cases.RUNS / name
    if any(folder.glob("checkpoints/step-*")):
        return None
    made = measured.command(checkout, "train.py", *cases.training(checkout, name))
    (cases.RUNS / f"{name}.log").write_text(made.output)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=pathlib.Path, required=True, help="the checkout whose train.py is taken")
    parser.add_argument("names", nargs="*", help="recipes; default: all")
    given = parser.parse_args()
    cases.RUNS.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in given.names or cases.names(given.checkout):
        made = train(given.checkout, name)
        if made is None:
            continue
        print(f"{name:<24}{made.seconds:7.1f} s {made.peak_mb:7.0f} MB  {'' if made.code == 0 else 'FAILED'}", flush=True)
        if made.code:
            failed.append(name)
            print(made.output[-2000:], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

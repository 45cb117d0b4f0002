"""Shows several runs on one page: flags that differ, curves laid over each other, samples side by side, scores.

    keras-gans compare --run=runs/a --run=runs/b --out=compare.html
    keras-gans compare runs/a runs/b                                   the same, to compare.html

The page opens without a network. Runs need not be finished. Scores that were measured in different ways say so.
"""

TENSORFLOW = False


def define(flags):
    flags.strings("run", [], "folder of a run; repeat the flag for several, 2 to 8")
    flags.string("out", "compare.html", "the page to write")


def expand(arguments):
    """Returns the command line with --run= in front of the words that are neither flags nor their values."""
    before = ["", *arguments]
    return [
        word if word.startswith("-") or (last.startswith("-") and "=" not in last) else f"--run={word}"
        for last, word in zip(before, arguments)
    ]


def run(flags):
    from keras_gans.runs import comparison

    comparison.write(flags.run, flags.out)
    print(f"wrote {flags.out}")

"""ProGAN, StyleGAN and StyleGAN2-ADA on Fashion at 32x32 and emoji at 64x64: scores, mixed styles, ways through
latent space.

    python benchmarks/growing.py [--shared=../shared/data] [--runs=stylegan2 --runs=progan]

Trains each by train.py with its flagfile, as it stands there, and draws sheets of it by `keras-gans sample`. Fills
docs/results.md, docs/growing/ and benchmarks/results/growing.json. Runs are kept in --work: the same command goes on after
an interruption.
"""

import pathlib

import runs
from translation import prepare

TRAINED = ("stylegan2", "progan", "stylegan", "stylegan2_emoji", "progan_emoji")
SHEETS = {  # name -> flags of keras-gans sample, title, whether the network must have styles
    "samples": (["--count=64"], "64 samples, not selected", False),
    "mixing": (["--mix={coarse}", "--count=8"], "styles mixed: layers {coarse} from the left, the others from above", True),
    "walk": (["--interpolate={space}", "--count=5", "--frames=10"], "from one to the next in {space}", False),
    "nearest": (
        ["--nearest={features}", "--count=8"],
        "samples and the training images nearest to them, by {features}",
        False,
    ),
}
EMOJI = "{work}/data/google"


def main():
    from keras_gans.cli import Flags
    from keras_gans.cli import main as keras_gans

    flags = Flags()
    flags.strings("runs", list(TRAINED), f"which of {', '.join(TRAINED)}")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("work", "runs/growing", "folder for the runs")
    flags.string("out", "benchmarks/results/growing.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the tables stand")
    flags.string("pictures", "docs/growing", "folder of the sheets")
    runs.parse(flags, __doc__)
    work = pathlib.Path(flags.work).resolve()
    prepare({"shared": pathlib.Path(flags.shared).resolve(), "work": work / "data"})
    kept = runs.Runs(work, len(flags.runs))
    rows = []
    for name in flags.runs:
        emoji = name.endswith("emoji")
        words = [f"--flagfile={runs.ROOT}/configs/{name}.flags", "--export=none"]
        folder = kept.train(name, words + [f"--data=folder:{EMOJI.format(work=work)}", "--holdout=every:10"] * emoji)
        if folder is None:
            continue
        finished = folder.record["finished"]
        scores = {score["name"]: (score["value"], score.get("standard_error")) for score in finished["scores"]}
        rows.append(
            {
                "run": name,
                "kimg": folder.record["recipe"]["kimg"],
                "seconds": finished["seconds"],
                "memory_mb": finished["peak_memory_mb"],
                "parameters": folder.record["parameters"],
                "scores": scores,
                "sheets": {},
            }
        )
        styles = name.startswith("stylegan")
        values = {"coarse": "0-3", "space": "w" if styles else "z", "features": "efficientnet_lite0" if emoji else "fashion"}
        for sheet, (more, title, needs_styles) in SHEETS.items():
            if styles or not needs_styles:
                path = runs.ROOT / flags.pictures / f"{name}_{sheet}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                code = keras_gans(
                    ["sample", f"--run={folder.directory}", f"--out={path}", *(word.format(**values) for word in more)]
                )
                if code:
                    raise SystemExit(f"{path.name} could not be drawn")
                rows[-1]["sheets"][path.name] = title.format(**values)
    about = runs.keep(flags.out, rows)
    runs.fill(flags.document, "growing", document(rows, about))


def document(rows, about):
    """Returns the Markdown of the section."""
    lines = [
        f"Measured on {about['date']} by `{about['command']}` on {about['machine']}.",
        "",
        "Networks with 64 channels at most and minutes of training on a CPU: these say that the recipes learn, not what "
        "the papers' networks do in days on eight GPUs. As published: FID on CIFAR-10 15.52 for ProGAN and 2.92 for "
        "StyleGAN2-ADA (as the StyleGAN2-ADA paper lists them); on FFHQ at 1024x1024 4.40 for StyleGAN and 2.84 for "
        "StyleGAN2 (the StyleGAN2 paper); with other features, so not comparable.",
        "",
        "| run | kimg | seconds | weights, G + D | memory, MB | scores |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        scores = "; ".join(
            f"{name} {value:.3f}" + (f" ± {error:.3f}" if error else "") for name, (value, error) in row["scores"].items()
        )
        lines.append(
            f"| `{row['run']}` | {row['kimg']:g} | {row['seconds']:.0f} | "
            f"{' + '.join(f'{count / 1e6:.2f} M' for count in row['parameters'].values())} | {row['memory_mb']:.0f} | "
            f"{scores} |"
        )
    for row in rows:
        lines += ["", f"### {row['run']}"]
        for picture, title in row["sheets"].items():
            lines += ["", f"![{row['run']}: {title}](growing/{picture})", "", f"{title[0].upper()}{title[1:]}."]
    return "\n".join([*lines, "", "Emoji: Noto Emoji (Apache-2.0). Fashion-MNIST: Zalando (MIT)."])


if __name__ == "__main__":
    main()

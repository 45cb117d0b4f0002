"""The reference runs: for every recipe the flags that make it short, and what is drawn with it."""

import pathlib

import measured

HERE = pathlib.Path(__file__).resolve().parent
DATA, RUNS, WEIGHTS = HERE / "data", HERE / "runs", HERE / "weights"
VGG19 = WEIGHTS / "vgg19_random.weights.h5"

_GROWING = "fade_kimg={},stable_kimg=0.004"
_UNPAIRED = (
    f"--data=unpaired:{DATA}/photos:{DATA}/paintings",
    "--image_size=64",
    "--load_size=72",
    "--batch_size=1",
    "--kimg=0.002",
)
_STYLES = ("--image_size=64", "--load_size=72", "--batch_size=2", "--kimg=0.004")
_RESTORED = (f"--data=folder:{DATA}/photos", "--image_size=64", "--batch_size=2", "--kimg=0.004")
_STARTED = {"srgan": "srresnet", "esrgan": "rrdb"} | {
    f"{name}_strokes": name for name in ("adain", "arbitrary_style", "multi_style")
}

# Flags behind those of the flagfile; the networks are the recipes' own. Without an entry: two steps of four images.
FLAGS = {
    # Growing networks see all their resolutions; progan_emoji ends while the last one fades in.
    "progan": (f"--game=progan:{_GROWING.format('0+0.004+0.004+0.004')}", "--kimg=0.028"),
    "stylegan": (f"--game=stylegan:start=8,{_GROWING.format('0.004')}", "--kimg=0.02"),
    "progan_emoji": (f"--game=progan:start=8,{_GROWING.format('0.008')}", "--kimg=0.032", f"--data=folder:{DATA}/emoji/a"),
    "stylegan2_emoji": (f"--data=folder:{DATA}/emoji/a",),
    "pix2pix": (
        f"--data=paired:{DATA}/emoji/a:{DATA}/emoji/b",
        "--image_size=64",
        "--load_size=72",
        "--batch_size=1",
        "--kimg=0.002",
    ),
    "colorize": (f"--data=folder:{DATA}/photos", "--image_size=64", "--load_size=72", "--batch_size=1", "--kimg=0.002"),
    "cyclegan": _UNPAIRED,
    "cut": _UNPAIRED,
    "fastcut": _UNPAIRED,
    "srresnet": _RESTORED,
    "rrdb": _RESTORED,
    "denoise": _RESTORED,
    "inpaint": _RESTORED,
    "srgan": (*_RESTORED, f"--reconstruction=perceptual:network=vgg19:path={VGG19},layer=relu5_4,norm=l2,scale=0.0775"),
    "esrgan": (
        *_RESTORED,
        "--reconstruction=l1:weight=1e-2",
        f"--reconstruction=perceptual:network=vgg19:path={VGG19},layer=conv5_4,norm=l1",
    ),
} | {
    f"{name}{part}": (f"--data=unpaired:{DATA}/photos:{DATA}/{styles}", *_STYLES)
    for name, styles in (("adain", "paintings"), ("arbitrary_style", "paintings"), ("multi_style", "styles"))
    for part in ("", "_strokes")
}

STYLE_BASED = ("stylegan", "stylegan2", "stylegan2_emoji")
EXPORTED = ("dcgan", "projection", "progan", "stylegan2", "pix2pix", "cyclegan", "rrdb", "adain")
RESTORING = ("colorize", "srresnet", "srgan", "rrdb", "esrgan", "denoise", "inpaint")
TRANSLATING = ("pix2pix", "cyclegan", "cut", "fastcut")


def names(checkout):
    """Returns the names of all recipes, those that others start from first."""
    found = sorted(path.stem for path in (pathlib.Path(checkout) / "configs").glob("*.flags"))
    return sorted(found, key=lambda name: name in _STARTED)


def training(checkout, name):
    """Returns the words for train.py.

    The lines of the flagfile stand in its place, since no flag takes back its --scores.
    """
    text = (pathlib.Path(checkout) / "configs" / f"{name}.flags").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("--") and not line.startswith("--scores")]
    given = FLAGS.get(name, ())
    repeated = {flag.partition("=")[0] for flag in given if flag.startswith("--reconstruction")}
    lines = [line for line in lines if line.partition("=")[0] not in repeated]
    start = [f"--init_from={RUNS / _STARTED[name]}"] if name in _STARTED else []
    short = () if "--batch_size" in " ".join(given) else ("--batch_size=4",)
    length = () if "--kimg" in " ".join(given) else ("--kimg=0.008",)
    return [*lines, *short, *length, "--sample_kimg=0", "--export=none", *given, *start, f"--run_dir={RUNS / name}"]


def drawings(name, run, out):
    """Returns {title: words of a verb} for what is drawn with a run into the folder `out`."""
    pictures = DATA / "inputs"
    if name.removesuffix("_strokes") in ("adain", "arbitrary_style", "multi_style"):
        style = "2" if name.startswith("multi") else DATA / "styles" / "0.png"
        return {"stylize": ["stylize", f"--run={run}", f"--content={pictures}", f"--style={style}", f"--out={out}/stylized"]}
    if name in TRANSLATING:
        words = ["translate", f"--run={run}", f"--input={pictures}"]
        both = {"translate": [*words, f"--out={out}/ab"]}
        return both | ({"translate_ba": [*words, "--direction=ba", f"--out={out}/ba"]} if name == "cyclegan" else {})
    if name in RESTORING:
        mask = [f"--mask={DATA / 'masks'}"] if name == "inpaint" else []
        return {"restore": ["restore", f"--run={run}", f"--input={pictures}", *mask, f"--out={out}/restored"]}
    words = ["sample", f"--run={run}", "--seed=0"]
    drawn = {"sample": [*words, "--count=8", f"--out={out}/grid.png"]}
    if name in STYLE_BASED:
        drawn["sample_mixed"] = [
            *words,
            "--count=2",
            "--mix=0-2",
            "--truncation=0.7",
            "--noise=random",
            f"--out={out}/mixed.png",
        ]
    return drawn


def exports(run, out):
    """Returns {title: words of a script} for the exporters."""
    return {
        "saved_model": ["export/saved_model.py", f"--run={run}", f"--out={out}/saved_model"],
        "tflite": ["export/tflite.py", f"--run={run}", f"--out={out}/tflite", "--variants=float32"],
    }


def draw(checkout, name, run, out, export=False):
    """Draws with a run by the verbs of a checkout, or exports it.

    Returns:
        {title: `measured.Measured`}.
    """
    commands = exports(run, out) if export else drawings(name, run, out)
    return {title: measured.command(checkout, *map(str, words)) for title, words in commands.items()}

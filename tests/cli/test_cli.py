"""The command line: help, flags, flagfiles; every mistake ends with exit code 2 and one line."""

import importlib
import pkgutil
import signal
import subprocess
import sys
import types

import helpers
import pytest

from keras_gans import cli
from keras_gans.errors import UserError

VERBS = sorted(module.name.rstrip("_") for module in pkgutil.iter_modules(cli.__path__))


def call(capsys, *words, verb=None):
    """Runs a command line in this process; returns what `subprocess.run` would of it."""
    code = cli.main(list(words), verb=verb)
    said = capsys.readouterr()
    return types.SimpleNamespace(returncode=code, stdout=said.out, stderr=said.err)


def refused(capsys, *words, says, verb=None):
    process = call(capsys, *words, verb=verb)
    helpers.assert_one_line(process, *([says] if isinstance(says, str) else says))
    assert process.stderr.count("\n") == 1 and not process.stdout, process.stderr


@pytest.fixture
def shout():
    """A verb like a module of the package; `seen` is what its flags were."""

    def define(flags):
        flags.string("word", None, "what to\n   shout", required=True)
        flags.integer("times", 2, "how often", 1, 9)
        flags.number("pitch", 1.5, "in octaves", 0.0)
        flags.number("end", None, "in seconds")
        flags.boolean("loud", True, "louder")
        flags.choice("voice", "bass", ("bass", "alto"), "whose")
        flags.strings("echo", [], "where")
        flags.choices("ears", ["left"], ("left", "right"), "whose")

    def run(flags):
        module.seen = {name: flags[name].value for name in flags}
        return 1 if flags.word == "fail" else None

    module = types.SimpleNamespace(__doc__="Shouts.\n\nMore about it.", define=define, run=run)
    return module


# === help ===


def test_overview_lists_every_verb_with_its_first_line(capsys):
    for words in ([], ["--help"], ["-h"], ["help"]):
        process = call(capsys, *words)
        assert process.returncode == 0 and not process.stderr
        lines = process.stdout.splitlines()
        assert [line.split()[0] for line in lines[2:]] == VERBS
        assert all(len(line.split()) > 3 for line in lines[2:])


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_names_every_flag(capsys, verb):
    process = call(capsys, verb, "--help")
    assert process.returncode == 0 and not process.stderr
    assert f"usage: keras-gans {verb} " in process.stdout and "--flagfile=path" in process.stdout
    flags = cli.Flags()
    cli._module(verb).define(flags)
    for name in flags:
        assert f"--{name}=" in process.stdout or flags[name].name != name
        assert flags[name].help


def test_help_shows_kind_default_and_text(capsys, shout):
    process = call(capsys, "--word=x", "--nonsense", "--help", verb=shout)
    assert process.returncode == 0
    for line in (
        "Shouts.",
        "More about it.",
        "  --word=string\n      what to shout",
        "  --times=int [default: 2]",
        "  --pitch=float [default: 1.5]",
        "  --loud=bool [default: true]",
        "  --voice=bass|alto [default: bass]",
        "  --echo=string\n",
        "  --ears=left|right [default: left]",
    ):
        assert line in process.stdout, process.stdout


# === values ===


def test_values_reach_the_verb_and_its_exit_code_comes_back(capsys, shout):
    words = ["--word=a b", "--times", "3", "--noloud", "--echo=x", "--echo=y", "--ears=right"]
    assert call(capsys, *words, verb=shout).returncode == 0
    assert shout.seen == {
        "word": "a b",
        "times": 3,
        "pitch": 1.5,
        "end": None,
        "loud": False,
        "voice": "bass",
        "echo": ["x", "y"],
        "ears": ["right"],
        "plugin": [],
    }
    assert call(capsys, "--word=fail", verb=shout).returncode == 1


@pytest.mark.parametrize(
    "words, says",
    [
        (["--word=x", "--times=0"], "--times=0: expected an integer in the range [1, 9]"),
        (["--word=x", "--times=10"], "--times=10: expected an integer in the range [1, 9]"),
        (["--word=x", "--times=2.5"], "--times=2.5: expected an integer"),
        (["--word=x", "--pitch=high"], "--pitch=high: expected a non-negative number"),
        (["--word=x", "--pitch=-1"], "--pitch=-1: expected a non-negative number"),
        (["--word=x", "--pitch=nan"], "--pitch=nan: expected a non-negative number"),
        (["--word=x", "--pitch=inf"], "--pitch=inf: expected"),
        (["--word=x", "--end=soon"], "--end=soon: expected a number"),
        (["--word=x", "--loud=maybe"], "--loud=maybe: expected true or false"),
        (["--word=x", "--noloud=3"], "--noloud=3 does not take an argument"),
        (["--word=x", "--voice=basso"], "--voice=basso: expected bass|alto; did you mean 'bass'?"),
        (["--word=x", "--ears=nose"], "--ears=nose: expected left|right"),
        (["--word=x", "--tims=3"], "unknown flag --tims; did you mean 'times'?"),
        (["--word=x", "--noludo"], "unknown flag --noludo"),
        (["--word=x", "--times"], "Missing value for flag --times"),
        (["--word=x", "stray"], "takes flags only, not 'stray'; flags look like --name=value"),
        ([], "--word is missing: what to shout"),
    ],
)
def test_bad_words(capsys, shout, words, says):
    refused(capsys, *words, verb=shout, says=says)


def test_unknown_verb_lists_the_known_and_the_nearest(capsys):
    refused(capsys, "trian", says=["unknown verb 'trian'; known: ", "doctor, ", "; did you mean 'train'?"])


def test_user_error_of_the_verb_is_one_line_and_others_are_not_hidden(capsys, shout):
    def run(flags):
        raise {"user": UserError("no such thing"), "bug": ZeroDivisionError(), "stop": KeyboardInterrupt()}[flags.word]

    shout.run = run
    refused(capsys, "--word=user", verb=shout, says="error: no such thing")
    with pytest.raises(ZeroDivisionError):
        call(capsys, "--word=bug", verb=shout)
    process = call(capsys, "--word=stop", verb=shout)
    assert process.returncode == 130 and process.stderr == "stopped\n"


# === flagfiles ===


def test_flagfile_with_comments_and_flags_behind_it(capsys, shout, tmp_path):
    path = tmp_path / "a.flags"
    path.write_text("# a comment with --times=9\n\n// another\n--times=5\n  --word=from file  \n--noloud\n")
    process = call(capsys, f"--flagfile={path}", "--times=6", verb=shout)
    assert process.returncode == 0, process.stderr
    assert (shout.seen["word"], shout.seen["times"], shout.seen["loud"]) == ("from file", 6, False)


@pytest.mark.parametrize(
    "content, says",
    [
        (None, ["--flagfile: No such file or directory: ", "a.flags'; name a file with one flag per line"]),
        (b"--word=x\n--tims=3\n", "unknown flag --tims; did you mean 'times'?"),
        (b"--word=x\n--times=many\n", "--times=many: expected an integer"),
        (b"\x89PNG\xff\xfe\x00", "--flagfile: not a text file; name a file with one flag per line"),
    ],
)
def test_bad_flagfile(capsys, shout, tmp_path, content, says):
    path = tmp_path / "a.flags"
    if content is not None:
        path.write_bytes(content)
    refused(capsys, f"--flagfile={path}", verb=shout, says=says)


def test_repeated_flags_of_the_command_line_win_over_those_of_a_flagfile(tmp_path):
    path = tmp_path / "a.flags"
    path.write_text("--scores=kid\n--scores=fid\n--reconstruction=l1\n--kimg=3\n")
    assert cli.parse("train", [f"--flagfile={path}"]).scores == ["kid", "fid"]
    for arguments in (
        [f"--flagfile={path}", "--scores=psnr", "--scores=ssim"],
        ["--scores=psnr", "--scores", "ssim", "--flagfile", str(path)],
    ):
        flags = cli.parse("train", arguments)
        assert (flags.scores, flags.reconstruction, flags.kimg) == (["psnr", "ssim"], ["l1"], 3.0)


def test_the_command_line_wins_over_a_flagfile_on_either_side_of_it(tmp_path):
    path = tmp_path / "a.flags"
    path.write_text("--run_dir=runs/file\n--noflip\n--kimg=5\n--seed\n3\n")
    own = ["--run_dir=runs/mine", "--flip", "--kimg", "7"]
    for words in ([*own, f"--flagfile={path}"], [f"--flagfile={path}", *own]):
        flags = cli.parse("train", words)
        assert (flags.run_dir, flags.flip, flags.kimg, flags.seed) == ("runs/mine", True, 7, 3)
    other = tmp_path / "b.flags"
    other.write_text("--kimg=6\n")
    assert cli.parse("train", [f"--flagfile={path}", f"--flagfile={other}"]).kimg == 6  # of two files the later one


def test_flagfile_without_a_name_is_one_line():
    with pytest.raises(UserError, match="--flagfile"):
        cli.parse("train", ["--flagfile"])


def test_folder_as_flagfile(capsys, shout, tmp_path):
    refused(capsys, f"--flagfile={tmp_path}", verb=shout, says=["--flagfile: Is a directory", str(tmp_path)])


@pytest.mark.parametrize("path", sorted((helpers.ROOT / "configs").glob("*.flags")), ids=lambda path: path.stem)
def test_every_flagfile_of_the_repository_parses(path):
    flags = cli.parse("train", [f"--flagfile={path}"])
    assert flags.run_dir != "runs/default"


# === bad input, through train ===


def text_files(folder):
    for name in ("a.txt", "b.txt", "readme"):
        (folder / name).write_text("words")


def text_named_png(folder):
    for number in range(10):
        (folder / f"{number}.png").write_text("words")


def corrupt_records(folder):
    from keras_gans.data import records

    with open(folder / "a.tfrecord", "wb") as file:
        records.write(file, b"not an example")
        file.write(b"x" * 100)


def nothing(folder):
    pass


def missing(folder):
    folder.rmdir()


@pytest.mark.parametrize(
    "make, data, says",
    [
        (missing, "folder:{}", ["{} does not exist", "takes a folder of images"]),
        (nothing, "folder:{}", ["no images in {}: it is empty", "images end in .png"]),
        (text_files, "folder:{}", ["no images in {}: ", "of other kinds (.txt, no suffix)", "images end in .png"]),
        (text_named_png, "folder:{}", ["cannot be read", "{}", "not an image", "doctor"]),
        (corrupt_records, "tfrecord:{}/*", ["{}/a.tfrecord", "checksum"]),
        (nothing, "tfrecord:{}/*", ["no file matches {}/*", "takes a pattern"]),
        (nothing, "floder:{}", ["unknown data scheme 'floder'", "did you mean 'folder'?"]),
        (missing, "{}", ["SCHEME:WHERE", "as in embedded:fashion or folder:photos"]),
        (nothing, "{}", ["SCHEME:WHERE", "folder:photos; did you mean folder:{}?"]),
        (nothing, "embedded:fasion", ["unknown embedded data 'fasion'", "did you mean 'fashion'?"]),
    ],
)
def test_bad_data(capsys, tmp_path, make, data, says):
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    refused(
        capsys,
        "train",
        *helpers.arguments(tmp_path / "run", f"--data={data.format(folder)}"),
        says=[part.format(folder) for part in says],
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--image_size=30"], ["image_size must be 4 times a power of two (8, 16, 32, 64, 128, ...), not 30"]),
        (["--channels=2"], ["--channels=2", "1 (grey) or 3 (RGB)"]),
        (["--generator=dcgam"], ["unknown generator 'dcgam'; known: ", "did you mean 'dcgan'?"]),
        (["--discriminator=dcgan:witdh=3"], ["has no argument 'witdh'", "did you mean 'width'?"]),
        (["--loss=hinge:a"], ["should be KEY=VALUE"]),
        (["--optimizer=adam:beta_1=x"], ["beta_1 should be a number such as 0.5, not x"]),
        (["--conditional"], ["--conditional: --generator=dcgan:width=4 takes no labels", "cdcgan"]),
        (["--run_dir=/proc/nowhere"], ["cannot write /proc/nowhere", "name a folder that you can write to"]),
        (["--init_from=/nowhere"], ["/nowhere is not a run folder"]),
        (["--scores=fis"], ["unknown metric 'fis'", "did you mean 'fid'?"]),
    ],
)
def test_bad_recipe(capsys, tmp_path, flags, says):
    refused(capsys, "train", *helpers.arguments(tmp_path / "run", *flags), says=says)


def test_train_script_ends_as_promised(tmp_path):
    """One whole process, from the words to the exit code; the other mistakes are tried inside this one."""
    process = helpers.run(helpers.command(tmp_path / "run", f"--data=folder:{tmp_path}/nowhere"))
    helpers.assert_one_line(process, f"{tmp_path}/nowhere does not exist")
    assert not process.stdout and "Traceback" not in process.stderr


def test_train_script_names_itself(tmp_path):
    process = helpers.run(helpers.command(tmp_path / "run", "--lerning_rate=1"))
    helpers.assert_one_line(
        process, "unknown flag --lerning_rate; did you mean 'learning_rate'?", "(see python train.py --help)"
    )


@pytest.mark.parametrize(
    "words, says",
    [
        (["train", "--lr=1"], "unknown flag --lr; here it is --learning_rate: of both players, per step"),
        (["train", "--epochs=5"], "unknown flag --epochs; here it is --kimg: length of the run: thousands of images"),
        (["train", "--gpu=0"], "unknown flag --gpu; here it is --strategy: one device; all devices"),
        (["train", "--resume"], "unknown flag --resume; here it is --run_dir: folder of the run, or gs://"),
        (["train", "--output=x"], "unknown flag --output; here it is --run_dir: folder of the run"),
        (["sample", "--output=x"], "unknown flag --output; here it is --out: what to write"),
    ],
)
def test_what_flags_are_called_elsewhere(capsys, words, says):
    refused(capsys, *words, says=says)


def test_what_is_called_otherwise_is_a_flag():
    flags = cli.Flags()
    cli._module("train").define(flags)
    known = set(flags)
    for verb in VERBS:
        if verb != "train":
            of_verb = cli.Flags()
            cli._module(verb).define(of_verb)
            known |= set(of_verb)
    assert set(cli.ELSEWHERE) <= known


def test_flags_of_train_stand_in_groups(capsys):
    lines = call(capsys, "train", "--help").stdout.splitlines()
    places = [lines.index(title) for title in ("What to learn from", "Who plays, and for what", "How the run goes")]
    flags = [next(i for i, line in enumerate(lines) if line.startswith(f"  --{flag}=")) for flag in ("data", "game", "kimg")]
    assert sorted(places + flags) == [place for pair in zip(places, flags) for place in pair]


def test_a_reader_that_leaves_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_gans", "recipes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=helpers.ROOT
    )
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 128 + signal.SIGPIPE


def test_parts(capsys):
    process = call(capsys, "parts")
    lines = process.stdout.splitlines()
    assert process.returncode == 0
    for kind, parts in importlib.import_module("keras_gans.cli.parts").KINDS.items():
        start = lines.index(f"--{kind}=") + 1
        shown = [line.split() for line in lines[start : start + len(parts.names())]]
        assert [words[0] for words in shown] == parts.names()
        assert all(len(words) > 2 for words in shown)
    assert "wgan_gp:weight=10.0,one_sided=false,interval=1" in call(capsys, "parts", "--kind=penalty").stdout
    assert "one_sided: penalise only norms above 1" in call(capsys, "parts", "--show=wgan_gp").stdout
    refused(capsys, "parts", "--show=hing", says="'hing': there is no such part; did you mean 'hinge'?")


def test_recipes_are_a_row_each(capsys):
    process = call(capsys, "recipes")
    lines = process.stdout.splitlines()
    names = sorted(path.stem for path in (helpers.ROOT / "configs").glob("*.flags"))
    assert process.returncode == 0 and [line.split()[0] for line in lines[1:]] == names
    shown = call(capsys, "recipes", "--show=wgan")
    assert shown.stdout.strip() == (helpers.ROOT / "configs" / "wgan.flags").read_text(encoding="utf-8").strip()
    refused(capsys, "recipes", "--show=wgam", says="'wgam': there is no such recipe; did you mean 'wgan'?")

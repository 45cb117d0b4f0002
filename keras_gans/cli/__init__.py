"""The `keras-gans` command: one module of this package per verb (`import_` for `import`, a keyword of Python).

A verb module has a docstring (its first line is the summary, the whole is shown by `--help`), `define(flags)` and
`run(flags)`. It imports TensorFlow inside `run` only, so that `--help` answers at once. Where it has `supervise(flags)`, that
may do the verb's work in another process, without TensorFlow here, and return its exit code.
"""

import importlib
import itertools
import keyword
import os
import pkgutil
import re
import signal
import sys
import textwrap

from absl import flags as absl_flags

import keras_gans
from keras_gans import plugins, startup
from keras_gans.errors import UserError
from keras_gans.flags import PLUGIN, Flags
from keras_gans.registry import nearest

# What a flag is called elsewhere -> what it may be here; the first that a verb has.
ELSEWHERE = {
    "kimg": "epochs epoch n_epochs num_epochs steps max_steps total_steps iterations iters niter num_iterations",
    "learning_rate": "lr rate g_lr",
    "discriminator_learning_rate": "d_lr",
    "batch_size": "batch bs batchsize batch_gpu",
    "image_size": "size resolution img_size crop_size crop input_size",
    "data": "dataset dataroot data_dir datadir train_dir images",
    "real": "dataset dataroot data_dir reference",
    "input": "image images in source content",
    "out": "output output_dir outdir out_dir output_path save results_dir dest",
    "run_dir": "resume resume_from continue output output_dir outdir out_dir logdir log_dir save_dir checkpoint_dir name",
    "run": "model checkpoint ckpt network weights run_dir",
    "precision": "fp16 bf16 amp mixed_precision dtype",
    "strategy": "gpu gpus num_gpus device devices gpu_ids",
    "latent_dim": "nz z_dim noise_dim",
    "conditional": "cond class_cond labels",
    "optimizer": "optim opt",
    "seed": "random_seed manual_seed",
    "count": "num n samples num_samples num_images",
    "truncation": "trunc psi truncation_psi",
}


def _called_here(name, flags):
    """Returns `; here it is --FLAG: what it does` for a flag's name elsewhere, the nearest name, or nothing."""
    for flag, others in ELSEWHERE.items():
        if flag in flags and name in others.split():
            return f"; here it is --{flag}: {_meaning(flags[flag])}"
    return nearest(name, list(flags))


def _verbs():
    return sorted(module.name.rstrip("_") for module in pkgutil.iter_modules(__path__))


def _module(verb):
    if not isinstance(verb, str):
        return verb
    if verb not in _verbs():
        raise UserError(f"unknown verb {verb!r}; known: {', '.join(_verbs())}{nearest(verb, _verbs())}")
    return importlib.import_module(f"keras_gans.cli.{verb}_" if keyword.iskeyword(verb) else f"keras_gans.cli.{verb}")


def _overview():
    lines = ["usage: keras-gans VERB [--flag=value ...]     keras-gans VERB --help     keras-gans --version", ""]
    for verb in _verbs():
        lines.append(f"  {verb:<12}{_module(verb).__doc__.splitlines()[0]}")
    return "\n".join(lines)


def _shown(default):
    if isinstance(default, list):
        return ",".join(default)
    return "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _meaning(flag):
    text = " ".join(flag.help.split())
    text = text.removesuffix("; repeat this option to specify a list of values")
    return re.sub(r"^<[^>]*>: ", "", text)  # the values of a choice, which stand in the line above


def help_text(command, document, flags):
    """Returns what `--help` prints.

    Args:
        command: how the program is called.
        document: what it does, several lines of text.
        flags: its `Flags`.
    """
    lines = [document.strip(), "", f"usage: {command} [--flag=value ...]", ""]
    for number, name in enumerate(flags):
        flag = flags[name]
        if number in flags.titles:
            lines += ["", flags.titles[number], ""]
        if name != flag.name:  # a short name or a negation of another flag
            continue
        kind = "|".join(getattr(flag.parser, "enum_values", None) or [flag.flag_type().replace("multi ", "")])
        default = _shown(flag.default)
        default = f" [default: {default}]" if default else ""
        lines.append(f"  --{name}={kind}{default}")
        lines += textwrap.wrap(_meaning(flag), 100, initial_indent="      ", subsequent_indent="      ")
    lines += ["", "  --flagfile=path", "      A file with one flag per line; lines that start with # are comments."]
    return "\n".join(lines)


def _explain(error, flags, command):
    """Returns what is wrong with the command line, in one line, and what would be right."""
    text = " ".join(str(error).split())
    if isinstance(error, absl_flags.CantOpenFlagFileError):
        return f"--flagfile: {text.partition('] ')[2]}; name a file with one flag per line"
    if isinstance(error, UnicodeDecodeError):
        return "--flagfile: not a text file; name a file with one flag per line"
    bad = re.match(r"flag --(\w+)=(.*?): ", text)
    if not bad:
        return f"{text} (see {command} --help)"
    name, value = bad.groups()
    flag = flags[name]
    if value == "None":
        return f"--{name} is missing: {' '.join(flag.help.split())}"
    values = getattr(flag.parser, "enum_values", None) or []
    expected = flag.parser.syntactic_help or "|".join(values) or "true or false"
    return f"--{name}={value}: expected {expected}{nearest(value, values)}"


def _without_overridden(arguments, flags):
    """Returns the arguments with the flagfiles' lines in the place of --flagfile.

    Flags of a flagfile are left out if the command line itself has them, before it or behind it. Those that may be
    repeated add up otherwise.
    """

    def name(argument):
        said = argument.lstrip("-").partition("=")[0]
        return said[2:] if said[:2] == "no" and is_boolean(said[2:]) else said  # --noflip is --flip's

    def is_boolean(name):
        return name in flags and flags[name].boolean

    def whole(line):
        return "=" in line or is_boolean(name(line))  # else its value is on the next line

    said = {name(argument) for argument in arguments if argument.startswith("-")}
    expanded = []
    words = iter(arguments)
    for word in words:
        if name(word) != "flagfile" or not word.startswith("-"):
            expanded.append(word)
            continue
        lines = flags.read_flags_from_files([word] if "=" in word else [word, *itertools.islice(words, 1)])
        expanded += [line for line in lines if not (name(line) in said and whole(line))]
    return expanded


def parse(verb, arguments, command=None):
    """Parses the flags of `verb` (a name, or a module like a verb's).

    Returns:
        The filled `Flags`, or None when help was asked for (and printed).

    Raises:
        UserError: unknown verb, unknown flag, a value that the flag does not take, or a stray word.
    """
    module, command = _module(verb), command or f"keras-gans {verb}"
    flags = Flags()
    module.define(flags)
    if "plugin" not in flags:
        flags.strings("plugin", [], PLUGIN)
    arguments = getattr(module, "expand", list)(arguments)
    if flags.beyond is not None and "--" in arguments:
        cut = arguments.index("--")
        flags.beyond.extend(arguments[cut + 1 :])
        arguments = arguments[:cut]
    if any(argument in ("--help", "-help", "-h", "--helpfull") for argument in arguments):
        print(help_text(command, module.__doc__, flags))
        return None
    try:
        rest = flags([command, *_without_overridden(arguments, flags)])[1:]
    except absl_flags.UnrecognizedFlagError as error:
        raise UserError(
            f"unknown flag --{error.flagname}{_called_here(error.flagname, flags)} (see {command} --help)"
        ) from error
    except (absl_flags.Error, OSError, ValueError) as error:
        raise UserError(_explain(error, flags, command)) from error
    if rest:
        raise UserError(f"{command} takes flags only, not {rest[0]!r}; flags look like --name=value")
    return flags


def main(arguments=None, verb=None, command=None):
    """Runs one verb; returns the exit code: 0, 1 for trouble that was found, 2 for a user's mistake.

    Args:
        arguments: command-line words after the program's name; default: those of the process.
        verb: the verb, where the program stands for one (`train.py`), or a module like a verb's (a script in
            `export/`); default: the first word.
        command: how the program is called, for messages.
    """
    for stream in (sys.stdout, sys.stderr):  # names of files need not be text
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _run(arguments, verb, command)
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("error: there is not enough memory for this; make it smaller, or close other programs", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has seen enough, as in `keras-gans recipes | head`
        return _closed()


def _run(arguments, verb, command):
    """Runs one verb; as `main`, but for the errors."""
    if verb is None:
        if not arguments or arguments[0] in ("--help", "-h", "help"):
            print(_overview())
            return 0
        if arguments[0] in ("--version", "-V", "version"):
            print(f"keras_gans {keras_gans.__version__}")
            return 0
        verb, arguments = arguments[0], arguments[1:]
    flags = parse(verb, arguments, command)
    if flags is None:
        return 0
    module = _module(verb)
    code = getattr(module, "supervise", lambda flags: None)(flags)
    if code is not None:
        return code
    if getattr(module, "TENSORFLOW", True):
        startup.import_tensorflow()
    plugins.load(flags.plugin)
    if flags.limits_pictures:
        from keras_gans.data import picture_files

        picture_files.allow(flags.max_pixels)
    return module.run(flags) or 0


def _closed():
    """Returns the exit code of what a closed pipe ended; nothing that is still to be written goes there."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return 128 + signal.SIGPIPE

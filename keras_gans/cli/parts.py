"""Lists the parts that flags can name: degradations, games, networks, losses, penalties, augmentations, features, scores.

    keras-gans parts                     all of them, a line each
    keras-gans parts --kind=loss         one kind, with the arguments and their defaults
    keras-gans parts --show=wgan_gp      all that is written about one

An argument follows the name, as in --penalty=wgan_gp:weight=10.
"""

import inspect

from keras_gans import registry
from keras_gans.errors import UserError
from keras_gans.registry import nearest

# Flag -> the parts that it names.
KINDS = {
    "degrade": registry.DEGRADATIONS,
    "game": registry.GAMES,
    "generator": registry.GENERATORS,
    "discriminator": registry.DISCRIMINATORS,
    "loss": registry.LOSSES,
    "reconstruction": registry.RECONSTRUCTIONS,
    "penalty": registry.PENALTIES,
    "augment": registry.AUGMENTS,
    "scores": registry.SCORES,
    "score_features": registry.EXTRACTORS,
}
# What a recipe knows by other flags, or makes itself.
_FROM_ELSEWHERE = {"image_size", "channels", "latent_dim", "num_classes", "pretrained", "kwargs", "name", "seed", "clock"}


def define(flags):
    flags.choice("kind", None, tuple(KINDS), "the flag whose parts are listed, with their arguments")
    flags.string("show", None, "name of a part whose documentation is printed")


def run(flags):
    if flags.show:
        _show(flags.show, flags.kind)
        return
    for kind in [flags.kind] if flags.kind else KINDS:
        print(f"--{kind}=")
        names = KINDS[kind].names()
        for name in names:
            print(f"  {name:<{max(map(len, names))}}  {_summary(KINDS[kind].get(name))}".rstrip())
            if flags.kind and (found := _arguments(KINDS[kind].get(name))):
                print(f"  {'':<{max(map(len, names))}}  {name}:{found}")
        print()


def _summary(part):
    return (inspect.getdoc(part) or "").partition("\n")[0]


def _arguments(part):
    """Returns the arguments that a flag can set, `key=default,...`; those without a default as `key=?`."""
    shown = {
        key: "?" if default is inspect.Parameter.empty else str(default).lower() if isinstance(default, bool) else default
        for key, default in registry.parameters(part).items()
        if key not in _FROM_ELSEWHERE
    }
    return ",".join(f"{key}={value}" for key, value in shown.items())


def _show(name, kind):
    found = [each for each in ([kind] if kind else KINDS) if name in KINDS[each].names()]
    if not found:
        known = sorted({part for each in KINDS.values() for part in each.names()})
        raise UserError(f"{name!r}: there is no such part{nearest(name, known)} (keras-gans parts lists them)")
    for each in found:
        part = KINDS[each].get(name)
        print(f"--{each}={name}:{_arguments(part)}".rstrip(":"))
        print(f"\n{inspect.getdoc(part) or ''}\n")

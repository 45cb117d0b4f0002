"""Pages of the documentation site that are made of README, flagfiles, commands and docstrings, and the order of all pages."""

import ast
import re

import sources
from sources import faithfulness

DOCS = sources.ROOT / "docs"
# The site's tabs: pages of docs/ (or made of files elsewhere), in this order; what of docs/ is named nowhere goes to Guides.
GUIDES = [
    "parts.md",
    "plugins.md",
    "keras.md",
    "scores.md",
    "pictures.md",
    "cluster.md",
    "scaling.md",
    "speed.md",
    "security.md",
    "architecture.md",
]
DEPLOYING = ["deploying.md", "tf_serving.md", "on_device.md", "web.md", "page.md", "formats.md"]
RESULTS = ["results.md", "faithfulness.md"]
ABOUT = ["changelog.md", "contributing.md", "notice.md"]
FIRST = ["index.md", "start.md"]
# README rows whose page is another one.
ROWS = {"use_the_authors_weights": "imports.md", "onnx": "formats.md", "keep_a_video_s_times_colours": "video.md"}
REGISTRIES = {
    "GAMES": "--game",
    "GENERATORS": "--generator",
    "DISCRIMINATORS": "--discriminator",
    "LOSSES": "--loss",
    "RECONSTRUCTIONS": "--reconstruction",
    "PENALTIES": "--penalty",
    "AUGMENTS": "--augment",
    "SCORES": "--scores",
    "EXTRACTORS": "--score_features",
    "OPTIMIZERS": "--optimizer",
    "SCHEDULES": "--schedule",
    "DEGRADATIONS": "--degrade",
}


def nav():
    """Returns the pages in their order, as `nav` of mkdocs.yml."""
    here = lambda pages: [page for page in pages if (DOCS / page).exists() or page in made]  # noqa: E731
    made = {"tf_serving.md", "on_device.md", "web.md", "changelog.md", "contributing.md", "notice.md"}
    named = {*FIRST, *GUIDES, *DEPLOYING, *RESULTS, *ABOUT, *ROWS.values()}
    others = sorted(page.name for page in DOCS.glob("*.md") if page.name not in named)
    tutorials = sorted(page.relative_to(DOCS).as_posix() for page in (DOCS / "tutorials").glob("*.md"))
    families = [f"families/{page}.md" for page in sources.families()]
    families += sorted(
        f"families/{page.name}" for page in (DOCS / "families").glob("*.md") if f"families/{page.name}" not in families
    )
    rooms = [
        {room: [f"reference/{room}/index.md", *(f"reference/{_file(module)}" for module in sources.modules(room))]}
        for room in sources.ROOMS
    ]
    return [
        {"Start": here(FIRST)},
        *([{"Tutorials": tutorials}] if tutorials else []),
        {"How to": ["how_to/index.md", *dict.fromkeys(_row_page(row) for row in sources.table("What you can do"))]},
        {"Families": ["families/index.md", *families]},
        {"Guides": here(GUIDES) + others},
        {"Deploying": here(DEPLOYING)},
        {"Results": here(RESULTS)},
        {
            "Reference": [
                "reference/index.md",
                {"Commands": ["commands/index.md", *(f"commands/{verb}.md" for verb in sources.verbs())]},
                *(f"reference/{module}.md" for module in sources.GROUND),
                *rooms,
            ]
        },
        {"About": here(ABOUT)},
    ]


def _file(module):
    """Returns the page of a module, as from reference/."""
    _, room, *rest = module.split(".")
    return f"{room}/{'_'.join(rest)}.md" if rest else f"{room}.md"


def of_source(path):
    """Returns the page of a source file of the package, or None."""
    module = path.removesuffix(".py").replace("/", ".")
    room = (module.split(".") + [""])[1]
    known = room in (*sources.ROOMS, *sources.GROUND) and module in sources.modules(room)
    return f"reference/{_file(module)}" if known else None


def _row_page(row):
    name = sources.slug(row[0])
    return ROWS.get(name, f"how_to/{name}.md")


def _title(text):
    return text[:1].upper() + text[1:]


def how_to():
    """Returns {page: text}: one page for each row of the README's table, and their list. Written pages stand in docs/how_to."""
    made, rows = {}, sources.table("What you can do")
    verbs = sources.verbs()
    for row in rows:
        page = _row_page(row)
        if page in ROWS.values():
            continue
        asked, answer = row[0], row[1]
        used = _verbs_of(answer, verbs)
        text = "" if (DOCS / page).exists() else f"# {_title(asked)}\n\n{_commands_of(answer)}\n\n"
        for verb in used:
            summary, shown = verbs[verb]
            text += f"## keras-gans {verb}\n\n```text\n{shown.partition('usage:')[0].strip()}\n```\n\n"
            text += f"[Every flag](docs/commands/{verb}.md)\n\n"
        made[page] = text
    lines = [f"| [{asked}](docs/{_row_page([asked])}) | {answer} |" for asked, answer in rows]
    made["how_to/index.md"] = "# How to\n\n| you want to | command |\n|---|---|\n" + "\n".join(lines) + "\n"
    return made


def _verbs_of(answer, verbs):
    found = re.findall(r"keras-gans (\w+)|(train)\.py|export/(saved_model|tflite|serve)\.py", answer)
    scripts = {"saved_model": "export", "tflite": "export"}
    names = [scripts.get(name, name) for match in found for name in match if name]
    return [verb for verb in dict.fromkeys(names) if verb in verbs]


def _commands_of(answer):
    """Returns a cell of the README with each command as a block of its own."""
    blocks = []
    for piece in re.split(r"(`[^`]+`)", answer):
        if re.match(r"`(python|keras-gans|pip) ", piece):
            blocks.append(f"\n\n```bash\n{piece.strip('`')}\n```\n\n")
        else:
            blocks.append(piece)
    return re.sub(r"\n[,;:.] *", "\n", "".join(blocks)).strip()


def family_of(recipe):
    """Returns the page of a recipe's family."""
    return next(page for page, (names, _, _) in sources.families().items() if recipe in names)


def families():
    """Returns {page: text}: of each family what its flagfiles say, and their list. Formulae stand in docs/families."""
    made = {}
    lines = []
    for page, (names, paper, own) in sources.families().items():
        written = (DOCS / f"families/{page}.md").exists()
        text = "" if written else f"# {_title(own)}\n\n{paper}.\n\n"
        made[f"families/{page}.md"] = text + "".join(_recipe(name) for name in names)
        links = ", ".join(f"[{name}]({page}.md#{name})" for name in names)
        lines.append(f"| {links} | {paper} | {own} |")
    made["families/index.md"] = (
        (
            "# Families\n\nEach page has the game in a box: losses, what is its own, recipe, pictures that came out, what differs "
            "from the paper's code, and how that was checked.\n\n| recipes | paper | what is its own |\n|---|---|---|\n"
        )
        + "\n".join(lines)
        + "\n"
    )
    return made


def _recipe(name):
    fields, first, flagfile = sources.recipes()[name]
    text = [f"## Recipe `{name}` {{ #{name} }}", first]
    text += [f"![{name}]({picture})" for picture in _pictures(name)]
    rows = [
        (field, fields[field])
        for field in ("Paper", "Cost", "Score", "Then", "Without", "Phones", "Shorter")
        if field in fields
    ]
    text.append("| | |\n|---|---|\n" + "\n".join(f"| {field} | {_cell(value)} |" for field, value in rows))
    text.append("```bash\n" + re.sub(r" {3}\((.*)\)$", r"  # \1", fields["Command"]) + "\n```")
    used = _parts_of(flagfile)
    if used:
        text.append("Its parts: " + ", ".join(used) + ".")
    if "Differs" in fields:
        text.append(
            "What differs from the paper and its code:\n\n"
            + "\n".join(f"- {_escape(item)}" for item in faithfulness.items(fields["Differs"]))
        )
    compared = faithfulness.comparisons(fields)
    if compared:
        rows = "\n".join(f"| `{against}` | {_cell(what)} | {number} | {date} |" for against, what, number, date in compared)
        text.append(
            f"How it was checked ([what this means](../faithfulness.md)):\n\n| beside | what | largest difference | date |\n|---|---|---|---|\n{rows}"
        )
    else:
        text.append(
            "No whole step of it has been laid beside another implementation; its parts have tests of their own ([what this means](../faithfulness.md))."
        )
    text.append(
        f'??? note "configs/{name}.flags"\n\n    ```text\n'
        + "\n".join(f"    {line}" for line in flagfile.splitlines())
        + "\n    ```"
    )
    return "\n\n".join(text) + "\n\n"


def _escape(text):
    return re.sub(r"([*_<\[$])", r"\\\1", text)


def _cell(text):
    return _escape(text).replace("|", "\\|")


def _pictures(name):
    """Returns the pictures of what came out of a recipe, as from docs/families."""
    zoo = (DOCS / "results.md").read_text(encoding="utf-8").partition("<!-- zoo -->")[2].partition("<!-- /zoo -->")[0]
    found = [f"{name}.png"] if f"| [{name}](" in zoo else []
    for folder, suffix in (("growing", "_samples.png"), ("few", ".png"), ("translation", ".png"), ("style", ".jpg")):
        if (DOCS / folder / f"{name}{suffix}").exists():
            found.append(f"../{folder}/{name}{suffix}")
    return found or (["../quickstart.png"] if name == "quickstart" else [])


def _parts_of(flagfile):
    """Returns links to the parts that a flagfile names."""
    kinds = {flag: kind for kind, flag in REGISTRIES.items()}
    found = []
    for flag, name in re.findall(r"^(--\w+)=(\w+)", flagfile, re.M):
        part = sources.parts().get(kinds.get(flag), {}).get(name)
        if part and flag not in ("--scores", "--score_features"):
            found.append(f"[`{flag}={name}`]({_reference(part)})")
    return list(dict.fromkeys(found))


def _reference(part, up="../"):
    module, name, _ = part
    return f"{up}reference/{_file(module)}#{module}.{name}"


def commands():
    """Returns {page: text}: what every command says of itself."""
    made = {}
    lines = []
    for verb, (summary, shown) in sources.verbs().items():
        made[f"commands/{verb}.md"] = f"# keras-gans {verb}\n\n```text\n{shown.strip()}\n```\n"
        lines.append(f"| [`{verb}`]({verb}.md) | {_cell(summary)} |")
    made["commands/index.md"] = "# Commands\n\n| `keras-gans` | |\n|---|---|\n" + "\n".join(lines) + "\n"
    return made


def reference():
    """Returns {page: text}: the pages of docstrings, by room and module, and the list of parts that flags name."""
    made = {f"reference/{module}.md": f"# keras_gans.{module}\n\n::: keras_gans.{module}\n" for module in sources.GROUND}
    lines = []
    for room in sources.ROOMS:
        said = ast.get_docstring(ast.parse((sources.ROOT / f"keras_gans/{room}/__init__.py").read_text(encoding="utf-8")))
        rows = []
        for module, tree in sources.modules(room).items():
            made[f"reference/{_file(module)}"] = f"# {module.removeprefix('keras_gans.')}\n\n::: {module}\n"
            rows += [
                f"| [{node.name}](../{_file(module)}#{module}.{node.name}) | {sources.summary(node)} |"
                for node in sources.public(tree)
            ]
        made[f"reference/{room}/index.md"] = (
            f"# keras_gans.{room}\n\n{said}\n\n| name | |\n|---|---|\n" + "\n".join(rows) + "\n"
        )
        lines.append(f"| [{room}]({room}/index.md) | {_cell(said.partition(chr(10))[0])} |")
    made["reference/index.md"] = (
        "# Reference\n\nRooms of the package; a public class is reachable from its room's name, as `kg.losses.Hinge`.\n\n"
        "| room | |\n|---|---|\n"
        + "\n".join(lines)
        + "\n\nOutside of the rooms: "
        + ", ".join(f"[{module}]({module}.md)" for module in sources.GROUND)
        + ".\n"
    )
    made["parts.md"] = "".join(
        f"### {flag}\n\n| name | |\n|---|---|\n"
        + "".join(
            f"| [`{name}`]({_reference(part, '')}) | {part[2]} |\n" for name, part in sorted(sources.parts()[kind].items())
        )
        + "\n"
        for kind, flag in REGISTRIES.items()
        if kind in sources.parts()
    )
    return made

"""The model card beside an export: what goes in, what comes out, where it comes from and how good it is."""

import keras_gans
from keras_gans import files


def write(directory, run, summary, endpoints, limits, license, differences):
    """Writes `model_card.json`, for programs, and `README.md`, for people.

    Args:
        directory: `pathlib.Path` of the exported model.
        run: the `keras_gans.trained.Trained` that was exported.
        summary: what the model does, in a few words.
        endpoints: list of `Endpoint`.
        limits: list of sentences: what the model does not do, or not well.
        license: who may use it for what; None where nobody has said (then that of imported weights, if it is known).
        differences: {what was compared with Keras: largest absolute difference}.
    """
    contents = {
        "name": run.name,
        "summary": summary,
        "made_by": f"keras_gans {keras_gans.__version__}",
        "step": run.step,
        "license": license or run.record.get("imported", {}).get("license"),
        "signatures": {endpoint.name: endpoint.meanings() for endpoint in endpoints},
        "limits": limits,
        "scores": _scores(run),
        "differences_from_keras": differences,
        "data": run.record.get("data", {}),
        "recipe": run.record.get("recipe", {}),
    }
    (directory / "model_card.json").write_text(files.to_json(contents, indent=2) + "\n", encoding="utf-8")
    (directory / "README.md").write_text(_markdown(contents), encoding="utf-8")


def _scores(run):
    """Returns the scores that were taken at the exported step, as `keras_gans.metrics.records.record` makes them."""
    finished, best = run.record.get("finished", {}), run.record.get("best", {})
    if finished.get("step") == run.step:
        return finished["scores"]
    return [{"name": best["name"], "value": best["value"]}] if best.get("step") == run.step else []


def _markdown(contents):
    lines = [f"# {contents['name']}", ""]
    lines += [f"{contents['summary']}, exported at step {contents['step']} by {contents['made_by']}.", ""]
    for name, sides in contents["signatures"].items():
        lines += [f"## Signature `{name}`", ""]
        lines += [f"- in: `{key}`, {meaning}" for key, meaning in sides["inputs"].items()]
        lines += [f"- out: `{key}`, {meaning}" for key, meaning in sides["outputs"].items()] + [""]
    lines += ["## Limits", "", *(f"- {limit}" for limit in contents["limits"]), "", "## License", ""]
    lines += [contents["license"] or "Not stated. Those of the training data, named below, may bind the model.", ""]
    lines += ["## Scores", ""]
    for score in contents["scores"]:
        error = score.get("standard_error")
        lines.append(f"- {score['name']}: {score['value']:.5g}" + (f" ± {error:.2g} (standard error)" if error else ""))
    lines += ["", "Their protocol is in `model_card.json`."] if contents["scores"] else ["None taken at this step."]
    for key in ("differences_from_keras", "data", "recipe"):
        title = key.replace("_", " ").capitalize()
        lines += ["", f"## {title}", "", *(f"- {name}: `{value}`" for name, value in contents[key].items())]
    return "\n".join(lines) + "\n"

"""The files of export/cluster: what they would start, with stand-ins for the machines that start it."""

import os
import pathlib
import subprocess

import helpers
import pytest

FOLDER = helpers.ROOT / "export/cluster"


def stand_in(folder, name, text):
    """Puts a command of that name on the path that prints or does what `text` says."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
    (folder / name).chmod(0o755)


def bash(words, folder, **environment):
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["bash", *words], env=os.environ | path | environment, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("ends, requeued", [(0, ""), (2, ""), (3, "requeue 77\n")])
def test_slurm(tmp_path, ends, requeued):
    commands = tmp_path / "commands"
    stand_in(commands, "keras-gans", f'printf "%s\\n" "$*" >> {tmp_path}/said; exit {ends}')
    stand_in(commands, "scontrol", f'[ "$1" = show ] && printf "n1\\nn7\\n" || echo "$@" >> {tmp_path}/requeued')
    stand_in(
        commands,
        "srun",
        '[ "$1" = --kill-on-bad-exit=0 ] && shift; for i in 0 1; do SLURM_PROCID=$i "$@" || c=$?; done; exit ${c:-0}',
    )
    job = {"SLURM_JOB_NODELIST": "n[1,7]", "SLURM_JOB_ID": "77"}
    process = bash([str(FOLDER / "slurm.sh"), "--recipe=dcgan", "--run_dir=/shared/a b"], commands, **job)
    assert process.returncode == ends, process.stderr
    assert (tmp_path / "said").read_text().splitlines() == [
        f"train --index={index} --hosts=n1:2222,n7:2222 --restarts=100 --recipe=dcgan --run_dir=/shared/a b"
        for index in (0, 1)
    ]
    assert ((tmp_path / "requeued").read_text() if (tmp_path / "requeued").exists() else "") == requeued


@pytest.mark.parametrize(
    "name, pod", [("job", "keras-gans-{}.keras-gans"), ("jobset", "keras-gans-workers-0-{}.keras-gans")]
)
def test_kubernetes(tmp_path, name, pod):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    documents = list(yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text()))
    job = documents[-1]["spec"]
    if name == "jobset":
        job = job["replicatedJobs"][0]["template"]["spec"]
    else:
        service = documents[0]
        assert service["spec"]["clusterIP"] == "None" and service["metadata"]["name"] == job["template"]["spec"]["subdomain"]
    (container,) = job["template"]["spec"]["containers"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"] == int(variables["WORKERS"]) == 2
    assert container["command"] == ["bash", "-c"]
    stand_in(tmp_path, "keras-gans", 'printf "%s\\n" "$@"')
    process = bash(["-c", *container["args"]], tmp_path, **variables, JOB_COMPLETION_INDEX="1")
    said = process.stdout.splitlines()
    assert said[:3] == ["train", f"--hosts={pod.format(0)}:2222,{pod.format(1)}:2222", "--index=1"], process.stderr
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    (run_dir,) = [word.partition("=")[2] for word in said if word.startswith("--run_dir=")]
    assert str(pathlib.PurePosixPath(run_dir).parent) in mounts


def test_vertex():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    chief, workers = yaml.safe_load((FOLDER / "vertex.yaml").read_text())["workerPoolSpecs"]
    assert chief == workers and chief["replicaCount"] == 1
    assert chief["containerSpec"]["command"] == ["keras-gans", "train"]
    assert "--strategy=multi_worker" in chief["containerSpec"]["args"]

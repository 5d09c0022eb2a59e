"""docs/cluster.md: its job for Kubernetes and its script for SLURM hang together, and what they run is a command that is."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from seqkit.cli.asked import asked
from seqkit.cli.main import command_line
from seqkit.core.cluster import cluster_of

PAGE = (Path(__file__).parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def parsed(words):
    """The arguments that a command of the page gives to its recipe."""
    assert words[0] == "seqkit"
    _, bound, _ = command_line(asked(words[1:])).parse_args(words[1:], exit_on_error=False, print_error=False)
    return bound.arguments


def test_the_pods_of_the_job_are_the_workers_that_the_command_names():
    service, job = yaml.safe_load_all(block("yaml"))
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert (spec["completionMode"], spec["completions"]) == ("Indexed", spec["parallelism"])
    assert pod["restartPolicy"] == "Never"  # a failure policy wants it
    (container,) = pod["containers"]
    given = parsed([*container["command"], *container["args"]])
    port = container["ports"][0]["containerPort"]
    for index in range(spec["completions"]):
        cluster = cluster_of({"JOB_COMPLETION_INDEX": str(index)}, given["workers"])
        host = f"{job['metadata']['name']}-{index}.{service['metadata']['name']}"
        assert cluster.workers[index] == f"{host}:{port}"
        assert cluster.index == index
    assert len(cluster.workers) == spec["completions"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounted)
    assert str(given["out"]).startswith(mounted["shared"])


def test_the_step_of_the_script_has_as_many_tasks_as_it_asks_for():
    script = block("bash").replace("\\\n", " ")
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, re.MULTILINE))
    (step,) = [shlex.split(line) for line in script.splitlines() if line.startswith("srun ")]
    parsed(step[step.index("seqkit") :])
    assert f"--cpus-per-task={asked['cpus-per-task']}" in step
    nodes, each = int(asked["nodes"]), asked["ntasks-per-node"]
    environment = {
        "SLURM_JOB_ID": "7",
        "SLURM_STEP_NUM_TASKS": str(nodes * int(each)),
        "SLURM_STEP_NODELIST": f"node[1-{nodes}]",
        "SLURM_STEP_TASKS_PER_NODE": f"{each}(x{nodes})",
        "SLURM_PROCID": "5",
    }
    assert len(cluster_of(environment).workers) == 8


@pytest.mark.parametrize(
    "line", [line.split("  ")[0] for line in PAGE.splitlines() if re.match(r"seqkit (train|launch)", line)]
)
def test_commands_of_the_page_are_commands(line):
    words = shlex.split(line)
    assert parsed(words[:1] + words[words.index("train") :])

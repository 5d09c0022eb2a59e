"""Which processes train together, as clusters say it; TensorFlow's own readers of the same variables are the oracle."""

import json

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.python.distribute.cluster_resolver.slurm_cluster_resolver import expand_hostlist, expand_tasks_per_node

from seqkit.core.cluster import READY, Cluster, cluster_of, met, nodes_of, tasks_of
from seqkit.core.errors import InputError

STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "5",
    "SLURM_STEP_NODELIST": "gpu[09-10],login",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1",
    "SLURM_PROCID": "3",
    "SLURM_NODEID": "1",
}
THREE = {"worker": ["a:1", "b:2", "c:3"]}


def tf_config(cluster, kind="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


names = st.text("abz-", min_size=1, max_size=4)
ranges = st.tuples(st.integers(0, 120), st.integers(0, 12), st.integers(1, 4))


@st.composite
def node_lists(draw):
    """A node list as SLURM writes it."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        name = draw(names)
        if spans := draw(st.lists(ranges, max_size=3)):
            runs = [f"{first:0{width}}" + (f"-{first + more:0{width}}" if more else "") for first, more, width in spans]
            name += f"[{','.join(runs)}]"
        parts.append(name)
    return ",".join(parts)


@given(node_lists())
def test_node_lists_are_read_as_tensorflow_reads_them(text):
    assert list(nodes_of(text)) == expand_hostlist(text)


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 5)), min_size=1, max_size=4))
def test_tasks_of_nodes_are_read_as_tensorflow_reads_them(groups):
    text = ",".join(f"{count}(x{times})" if times > 1 else str(count) for count, times in groups)
    assert list(tasks_of(text)) == expand_tasks_per_node(text)


def test_node_lists_have_several_brackets_and_keep_leading_zeros():
    assert nodes_of("rack[1-2]n[08-10]-ib") == tuple(f"rack{r}n{n}-ib" for r in "12" for n in ("08", "09", "10"))


@given(st.text("n01[]-, x(", max_size=12))
def test_what_is_no_list_gets_a_sentence(text):
    for read in (nodes_of, tasks_of):
        try:
            said = " ".join(map(str, read(text)))
        except InputError as error:
            said = repr(text) if repr(text) in str(error) else ""
        assert said


@pytest.mark.parametrize("index", range(3))
def test_tf_config_is_read_as_tensorflow_reads_it_and_written_back(index, monkeypatch):
    cluster = cluster_of(tf_config(THREE, index=index))
    monkeypatch.setenv("TF_CONFIG", cluster.tf_config())
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    assert resolver.cluster_spec().as_dict() == THREE
    assert (resolver.task_type, resolver.task_id) == ("worker", index)
    assert cluster == Cluster(("a:1", "b:2", "c:3"), index)


def test_a_chief_is_worker_0():
    kinds = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    assert cluster_of(tf_config(kinds, "chief")) == Cluster(("a:1", "b:2", "c:3"), 0)
    assert cluster_of(tf_config(kinds, "worker", "1")) == Cluster(("a:1", "b:2", "c:3"), 2)


def test_a_step_of_slurm_has_a_port_a_task_and_another_step_other_ports():
    clusters = [
        cluster_of(STEP | {"SLURM_PROCID": str(task), "SLURM_NODEID": str(node)})
        for task, node in enumerate((0, 0, 1, 1, 2))
    ]
    assert [cluster.index for cluster in clusters] == [0, 1, 2, 3, 4]
    (workers,) = {cluster.workers for cluster in clusters}
    hosts, ports = zip(*(worker.split(":") for worker in workers), strict=True)
    assert hosts == ("gpu09", "gpu09", "gpu10", "gpu10", "login")
    first = int(ports[0])
    assert [int(port) - first for port in ports] == [0, 1, 0, 1, 0]
    assert 10_000 <= first < 30_000
    others = {cluster_of(STEP | {"SLURM_JOB_ID": str(job)}).workers[0] for job in range(1000)}
    assert len(others) > 900


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        tf_config({"worker": ["a:1"]}),
        {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_JOB_NODELIST": "a,b"},  # the script around the steps
        STEP | {"SLURM_STEP_NUM_TASKS": "1"},
        {"JOB_COMPLETION_INDEX": "1"},
    ],
)
def test_a_process_is_alone_where_nobody_says_otherwise(environment):
    assert cluster_of(environment) is None


def test_what_is_said_by_hand_comes_first_then_tf_config_then_slurm():
    said = "x:1, y:2,z:3"
    everything = STEP | tf_config(THREE, index=1) | {"JOB_COMPLETION_INDEX": "2"}
    by_hand = ("x:1", "y:2", "z:3")
    assert cluster_of(everything, said, 0) == Cluster(by_hand, 0)
    assert cluster_of(everything, said) == Cluster(by_hand, 2)
    assert cluster_of(STEP | {"SLURM_PROCID": "1"}, said) == Cluster(by_hand, 1)
    assert cluster_of(everything) == Cluster(("a:1", "b:2", "c:3"), 1)
    assert cluster_of({"TF_CONFIG": "{}"}, "x:1", 0) is None


WRONG = [
    ({}, "a:1,b:2", None, "not which of them this process is"),
    ({}, "a:1,b:2", 2, "no worker 2 among 2"),
    ({}, "a:1,b:2", -1, "no worker -1 among 2"),
    ({}, "a:1,b", 0, "The worker 'b' has no address"),
    ({}, "a:1,b:70000", 0, "The worker 'b:70000' has no address"),
    ({}, "a:1,", 0, "The worker '' has no address"),
    ({}, "a:1,a:1", 0, "The worker a:1 is there twice"),
    ({}, None, 1, "worker is 1, but workers doesn't say of which"),
    ({"JOB_COMPLETION_INDEX": "two"}, "a:1,b:2", None, "JOB_COMPLETION_INDEX is 'two'"),
    ({"TF_CONFIG": "{"}, None, None, "TF_CONFIG is no JSON"),
    ({"TF_CONFIG": "[1]"}, None, None, r"TF_CONFIG is \[1\]"),
    ({"TF_CONFIG": '{"cluster": "a:1"}'}, None, None, "has the cluster 'a:1'"),
    ({"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}}'}, None, None, "has the task type None"),
    (tf_config({"worker": {"0": "a:1"}}), None, None, "has the cluster {'worker': {'0'"),
    (tf_config(THREE, "evaluator"), None, None, "has the task type 'evaluator'"),
    (tf_config(THREE | {"ps": ["d:4"]}), None, None, "has processes called ps"),
    (tf_config(THREE, index=3), None, None, "has the task worker 3, but 3 of them"),
    (tf_config(THREE, index=True), None, None, "has the task index True"),
    (tf_config(THREE, index="x"), None, None, "has the task index 'x'"),
    (STEP | {"SLURM_STEP_NUM_TASKS": "many"}, None, None, "SLURM_STEP_NUM_TASKS is 'many'"),
    (STEP | {"SLURM_STEP_NODELIST": ""}, None, None, "SLURM_STEP_NODELIST is missing"),
    (STEP | {"SLURM_STEP_NODELIST": "gpu[09-10]"}, None, None, "5 tasks run on .* which is not as many"),
    (STEP | {"SLURM_STEP_TASKS_PER_NODE": "2(x3)"}, None, None, "2\\(x3\\) a node, which is not as many"),
    (STEP | {"SLURM_STEP_NODELIST": "gpu[10-09],login"}, None, None, "10-09 goes downwards"),
    (STEP | {"SLURM_STEP_NODELIST": "gpu[0-99999999]"}, None, None, "more than 65,536"),
    (STEP | {"SLURM_STEP_TASKS_PER_NODE": "2(x2"}, None, None, "can't be read"),
    (STEP | {"SLURM_PROCID": "5"}, None, None, "no worker 5 among 5"),
    (STEP | {"SLURM_NODEID": "0"}, None, None, "task 3 on node 0 .*--distribution=block"),
]


@pytest.mark.parametrize(("environment", "workers", "index", "complaint"), WRONG)
def test_what_cannot_be_gets_one_sentence(environment, workers, index, complaint):
    with pytest.raises(InputError, match=complaint) as error:
        cluster_of(environment, workers, index)
    assert "\n" not in str(error.value)


def test_a_worker_tells_its_launcher_where_it_has_one(tmp_path):
    met({})
    met({READY: str(tmp_path / "met")})
    assert (tmp_path / "met").exists()

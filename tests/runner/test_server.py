"""The server: whatever comes together is answered together, each with its own, and what is too much is refused."""

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn

from seqkit_runner.errors import ArtefactError
from seqkit_runner.server import BODY, INPUTS, LENGTH, STOP, TOGETHER, application, serve


class Echo:
    """Answers a text with itself, in batches that it counts."""

    manifest = {"artefact": 1, "name": "echo"}  # noqa: RUF012

    def __init__(self):
        self.batches = []

    def predict(self, inputs):
        self.batches.append(list(inputs))
        if "wrong" in inputs:
            raise ArtefactError("An input is wrong.")
        time.sleep(0.005)
        return [{"label": one} for one in inputs]

    def generate(self, prompt, *, length, **settings):
        if prompt == "wrong":
            raise ArtefactError("The prompt is wrong.")
        return (f"{prompt}{number}" for number in range(length))


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def ask(echo):
    """(method, path, body) -> status, text."""
    server = uvicorn.Server(uvicorn.Config(application(echo), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    assert host == "127.0.0.1"

    def ask(method, path, body=None):
        connection = http.client.HTTPConnection(host, port, timeout=30)
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        status, said = response.status, response.read().decode()
        connection.close()
        return status, said

    yield ask
    server.should_exit = True
    thread.join()


def test_everyone_gets_their_own_answers_and_the_wrong_ones_alone_hear_of_it(ask, echo):
    asked = [[f"{number} {part}" for part in range(number % 4)] for number in range(160)]
    asked[50] = asked[90] = ["right", "wrong"]
    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(lambda inputs: ask("POST", "/predict", {"inputs": inputs}), asked))
    for inputs, (status, said) in zip(asked, answers, strict=True):
        if "wrong" in inputs:
            assert (status, json.loads(said)) == (422, {"detail": "An input is wrong."})
        else:
            assert (status, json.loads(said)) == (200, {"answers": [{"label": one} for one in inputs]})
    assert len(echo.batches) < len(asked) / 2
    assert max(map(len, echo.batches)) < TOGETHER + 4


def test_what_is_too_much_is_refused_before_it_is_asked(ask, echo):
    too_long = {"inputs": ["x" * (BODY + 1)]}
    for body, status in [
        (too_long, 413),
        ({"inputs": ["x" * (LENGTH + 1)]}, 422),
        ({"inputs": [{"image": [[0]], "question": "x" * (LENGTH + 1)}]}, 422),
        ({"inputs": [["x" * LENGTH, "x"]]}, 422),
        ({"inputs": [[[0], [0] * (LENGTH + 1)]]}, 422),
        ({"inputs": [{"x" * (LENGTH + 1): 0}]}, 422),
        ({"inputs": ["x"] * (INPUTS + 1)}, 422),
        ({"inputs": "x"}, 422),
        ({}, 422),
        ("no json", 422),
    ]:
        got, said = ask("POST", "/predict", body)
        assert got == status, said
        assert "detail" in json.loads(said)
    assert echo.batches == []
    for too_much in ({"length": LENGTH + 1}, {"prompt": "x" * (LENGTH + 1)}, {"stop": "x" * (STOP + 1)}):
        assert ask("POST", "/generate", too_much)[0] == 422


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb"])
def test_half_a_character_is_refused_wherever_it_stands(ask, echo, half):
    for body in (
        {"inputs": ["right", half]},
        {"inputs": [["right", half]]},
        {"inputs": [{"image": [[0]], "question": half}]},
        {"inputs": [{half: 0}]},
        {"inputs": half},
        {half: []},
        {"inputs": float("nan")},
    ):
        status, said = ask("POST", "/predict", body)
        assert status == 422, said
        assert isinstance(json.loads(said)["detail"], str)
    for body in ({"prompt": half}, {"prompt": "a", "stop": half}):
        assert ask("POST", "/generate", body)[0] == 422
    assert echo.batches == []
    numbers = [[0.5] * 300 for _ in range(400)]  # more than LENGTH, and no list of them is
    assert ask("POST", "/predict", {"inputs": [numbers, "\U0001f600"]})[0] == 200


def test_what_has_no_name_is_served(echo):
    echo.manifest = echo.manifest | {"name": ""}
    assert application(echo).openapi()["info"]["title"]


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_one_sentence(port, tmp_path):
    with pytest.raises(ArtefactError, match=f"port is {port}: give a number from 0 to 65535"):
        serve(tmp_path, host="127.0.0.1", port=port)


def test_text_streams_and_the_pages_are_there(ask):
    status, said = ask("POST", "/generate", {"prompt": "a", "length": 3})
    assert status == 200
    assert [json.loads(line) for line in said.splitlines()] == [
        *({"text": text} for text in ("a0", "a1", "a2")),
        {"end": True},
    ]
    assert ask("POST", "/generate", {"prompt": "wrong"}) == (422, '{"detail":"The prompt is wrong."}')
    assert json.loads(ask("GET", "/healthz")[1]) == {"status": "ok"}
    assert json.loads(ask("GET", "/manifest")[1])["name"] == "echo"
    assert {"/predict", "/generate", "/healthz"} <= json.loads(ask("GET", "/openapi.json")[1])["paths"].keys()
    assert "https://" not in ask("GET", "/docs")[1]

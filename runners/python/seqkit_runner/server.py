"""An artefact behind HTTP: requests that come together are answered together.

`/predict` takes {"inputs": [...]} and gives {"answers": [...]}; `/generate`, of a language model, streams a line of JSON a
piece; `/healthz` says that it lives, `/manifest` what it serves, `/docs` and `/openapi.json` how to ask.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from seqkit_runner.artefact import load
from seqkit_runner.errors import ArtefactError

try:
    import uvicorn
    from fastapi import FastAPI, Request, Response
    from fastapi.exception_handlers import request_validation_exception_handler
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse, StreamingResponse
    from fastapi_offline import FastAPIOffline
    from pydantic import BaseModel, Field
except ImportError as error:
    raise ArtefactError(f"Serving needs {error.name}: pip install 'seqkit[serve]' or 'seqkit-runner[serve]'.") from None

TOGETHER = 64  # inputs that are answered at once
WAIT = 0.002  # seconds that the first of them waits for others
BODY = 10_000_000  # bytes of a request
INPUTS = 1_000  # of a request
LENGTH = 100_000  # characters of an input, items of a list in it, or symbols to write
STOP = 1_000  # characters of what ends a text, each beginning of which is looked for behind every piece

Message = MutableMapping[str, Any]


class Answering(Protocol):
    """What is served: an artefact of `seqkit_runner.load`."""

    manifest: dict[str, Any]

    def predict(self, inputs: Sequence[Any]) -> list[dict[str, Any]]: ...

    def generate(self, prompt: str, **settings: Any) -> Iterator[str]: ...


class Asked(BaseModel):
    """Inputs as the artefact's task takes them: texts, lists of tokens, nested lists of numbers, or objects of fields."""

    inputs: list[Any] = Field(max_length=INPUTS, examples=[["a fine film"]])


class Answers(BaseModel):
    """An answer an input, in order."""

    answers: list[dict[str, Any]]


class Prompt(BaseModel):
    """What a text goes on from, and how it is drawn."""

    prompt: str = Field("", max_length=LENGTH)
    length: int = Field(200, ge=1, le=LENGTH)
    temperature: float = Field(0.8, ge=0)
    top_k: int = Field(0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    stop: str | None = Field(None, max_length=STOP)
    seed: int = Field(0, ge=0)


class Waiting(NamedTuple):
    """A request in the queue."""

    inputs: list[Any]
    answers: "asyncio.Future[list[dict[str, Any]]]"


class Together:
    """Answers requests, those that wait at once in one batch.

    Args:
        predict: From inputs to answers; it is asked by one thread at a time.
    """

    def __init__(self, predict: Callable[[list[Any]], list[dict[str, Any]]]):
        self._predict = predict
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1)

    async def ask(self, inputs: list[Any]) -> list[dict[str, Any]]:
        """The answers to a request's inputs."""
        answers: asyncio.Future[list[dict[str, Any]]] = asyncio.get_running_loop().create_future()
        await self._queue.put(Waiting(inputs, answers))
        return await answers

    async def run(self) -> None:
        """Answer for ever."""
        while True:
            batch = [await self._queue.get()]
            deadline = asyncio.get_running_loop().time() + WAIT
            while sum(len(request.inputs) for request in batch) < TOGETHER:
                try:
                    left = deadline - asyncio.get_running_loop().time()
                    batch.append(await asyncio.wait_for(self._queue.get(), left))
                except TimeoutError:
                    break
            await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, batch)

    def _answer(self, batch: list[Waiting]) -> None:
        try:
            answers = iter(self._predict([one for request in batch for one in request.inputs]))
            found: list[Any] = [[next(answers) for _ in request.inputs] for request in batch]
        except Exception as error:  # of one of them, which alone is to hear of it
            found = [error] if len(batch) == 1 else [self._alone(request) for request in batch]
        for request, result in zip(batch, found, strict=True):
            request.answers.get_loop().call_soon_threadsafe(_settle, request.answers, result)

    def _alone(self, request: Waiting) -> Any:
        try:
            return self._predict(request.inputs)
        except Exception as error:
            return error


def _settle(answers: "asyncio.Future[Any]", result: Any) -> None:
    if answers.cancelled():  # whoever asked is gone
        return
    if isinstance(result, Exception):
        answers.set_exception(result)
    else:
        answers.set_result(result)


class Limited:
    """An application whose requests are no longer than `BODY`."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read, body, more = 0, [], True
        while more:  # whole, so that what is too long is answered before anything looks at it
            message = await receive()
            more = message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > BODY:
                said = {"detail": f"The request is longer than {BODY:,} bytes: send fewer inputs at once."}
                await JSONResponse(said, 413)(scope, receive, send)
                return
            body.append(message)

        async def again() -> Message:
            return body.pop(0) if body else await receive()

        await self.app(scope, again, send)


def application(artefact: Answering) -> FastAPI:
    """The application that serves an artefact."""
    lock = threading.Lock()  # a runtime need not be safe in two threads

    def predict(inputs: list[Any]) -> list[dict[str, Any]]:
        with lock:
            return artefact.predict(inputs)

    together = Together(predict)

    @asynccontextmanager
    async def life(app: FastAPI) -> Any:
        task = asyncio.create_task(together.run())
        yield
        task.cancel()

    app = FastAPIOffline(
        title=str(artefact.manifest["name"] or "seqkit"), version=str(artefact.manifest["artefact"]), lifespan=life
    )
    app.add_middleware(Limited)

    @app.exception_handler(ArtefactError)
    async def refuse(request: Request, error: ArtefactError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(RequestValidationError)
    async def explain(request: Request, error: RequestValidationError) -> Response:
        try:
            return await request_validation_exception_handler(request, error)
        except ValueError:  # it tells what was given
            said = "The request holds half a character (a lone surrogate), or a number that is none: remove it."
            return JSONResponse({"detail": said}, 422)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """That it lives."""
        return {"status": "ok"}

    @app.get("/manifest")
    async def manifest() -> dict[str, Any]:
        """What is served."""
        return artefact.manifest

    @app.post("/predict")
    async def answer(asked: Asked) -> Answers:
        """Answer inputs."""
        for one in asked.inputs:
            _check(one)
        return Answers(answers=await together.ask(asked.inputs))

    @app.post("/generate")
    def generate(prompt: Prompt) -> StreamingResponse:
        """Write on from a prompt: a line {"text": ...} a piece, as it is drawn, and {"end": true} behind the last."""
        for text in (prompt.prompt, prompt.stop or ""):
            _check_text(text)
        with lock:
            pieces = artefact.generate(**prompt.model_dump())
            first = next(pieces, None)  # so that what is wrong with the prompt is said before anything is sent
        return StreamingResponse(_lines(first, pieces, lock), media_type="application/x-ndjson")

    return app


def _lines(first: str | None, pieces: Iterator[str], lock: threading.Lock) -> Iterator[str]:
    piece = first
    while piece is not None:
        yield json.dumps({"text": piece}, ensure_ascii=False) + "\n"
        with lock:
            piece = next(pieces, None)
    yield json.dumps({"end": True}) + "\n"


def _check(value: Any) -> None:
    """Raise ArtefactError where an input is too long, at whatever depth, or holds what is no text."""
    characters, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            characters += len(one)
            _check_text(one)
        elif isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += [item for item in one if isinstance(item, str | dict | list)]
        size = max(characters, len(one) if isinstance(one, list) else 0)
        if size > LENGTH:
            raise ArtefactError(f"An input has {size:,} characters or items: at most {LENGTH:,} are read.")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArtefactError("A text holds half a character (a lone surrogate): remove it.") from None


def serve(path: str | Path, *, host: str, port: int) -> None:
    """Serve an artefact until somebody stops it.

    Args:
        path: A folder, or the zip of it.
        host: The loopback address "127.0.0.1" lets nobody else ask.
    Raises:
        ArtefactError: The artefact can't be opened, or there is no such port.
    """
    if not 0 <= port < 65_536:
        raise ArtefactError(f"port is {port}: give a number from 0 to 65535.")
    print(f"http://{host}:{port}/docs", file=sys.stderr)
    uvicorn.run(application(load(path)), host=host, port=port, log_level="warning")

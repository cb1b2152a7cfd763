"""The HTTP interface: JSON answers under ``/api``, the page at ``/``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from liebig import __version__
from liebig.cores import usable_cores
from liebig.errors import LiebigError, UnknownNameError
from liebig.problems import sentences
from liebig.web import answers, responses
from liebig.web.body import CheckedRoute
from liebig.web.guard import App, Guard
from liebig.web.requests import AccessRequest, LeversRequest, PackageRequest, PlanRequest, ScenarioRequest

__all__ = ["create_app", "guarded"]

_KINDS = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon",
    ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}  # fmt: skip


def _error(message: str, status: int) -> JSONResponse:
    return JSONResponse({"error": {"message": message}}, status)


@contextlib.asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Few answers at a time: more would only wait for each other, and hold memory meanwhile."""
    current_default_thread_limiter().total_tokens = usable_cores() + 1
    threading.Thread(target=answers.warm, daemon=True).start()
    yield


def create_app(gateway: Path | None = None) -> FastAPI:
    """The application, without its guard.

    Args:
        gateway: settings of a gateway whose savings the page shows.
    """
    app = FastAPI(
        title="liebig", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        description="What limits AI, what a run takes, who can afford it: the questions of the liebig command as JSON.",
        lifespan=_lifespan, generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    app.router.route_class = CheckedRoute
    refusals: dict[int | str, dict[str, Any]] = {
        400: {"model": responses.Problem, "description": "a value cannot be used; says which and how to mend it"},
        404: {"model": responses.Problem, "description": "a name is not known; says which are like it"},
        422: {"model": responses.Problem, "description": "the body has another form; says where"},
    }
    _questions(app, refusals)
    _more_questions(app, refusals, gateway)
    _pages(app)
    _errors(app)
    return app


def _questions(app: FastAPI, refusals: dict[int | str, dict[str, Any]]) -> None:
    @app.get("/api/version", summary="Version of the program and digest of its facts")
    def version() -> responses.VersionAnswer:
        return answers.version()

    @app.post("/api/forecast", summary="Ceilings year by year, and which limit binds", responses=refusals)
    def forecast(body: ScenarioRequest) -> responses.ForecastAnswer:
        return answers.forecast(body)

    @app.get("/api/parameters", summary="Parameters in groups, most influential first", responses=refusals)
    def parameters(facts: Annotated[str, Query(max_length=40)] = "2026") -> responses.ParametersAnswer:
        return answers.parameters(facts)

    @app.get("/api/levers", summary="All levers, with claim and check")
    def levers() -> responses.LeversAnswer:
        return answers.levers()

    @app.post("/api/levers/rank", summary="Levers by their effect on the minimum of a year", responses=refusals)
    def rank(body: LeversRequest) -> responses.RankAnswer:
        return answers.rank(body)

    @app.post("/api/levers/package", summary="The levers that do most together", responses=refusals)
    def package(body: PackageRequest) -> responses.PackageAnswer:
        return answers.package(body)

    @app.post("/api/levers/rebound", summary="What efficiency saves once use has grown", responses=refusals)
    def rebound(body: LeversRequest) -> responses.ReboundAnswer:
        return answers.rebound(body)

    @app.post(
        "/api/scenario.toml", summary="The scenario as a file for the command line", responses=refusals,
        response_class=PlainTextResponse,
    )  # fmt: skip
    def scenario(body: ScenarioRequest) -> PlainTextResponse:
        body.inputs()
        return PlainTextResponse(answers.scenario_toml(body))


def _more_questions(app: FastAPI, refusals: dict[int | str, dict[str, Any]], gateway: Path | None) -> None:
    @app.get("/api/catalogue", summary="Names of models, chips, sites, software")
    def catalogue() -> responses.CatalogueAnswer:
        return answers.catalogue()

    @app.post("/api/plan", summary="A training run: time, money, energy, layout, headroom", responses=refusals)
    def plan(body: PlanRequest) -> responses.PlanAnswer:
        return answers.plan(body)

    @app.post("/api/access", summary="Who can host a campus or a run", responses=refusals)
    def access(body: AccessRequest) -> responses.AccessAnswer:
        return answers.access(body)

    @app.get("/api/access/inequality", summary="How unequally chips are spread, with coverage")
    def inequality() -> responses.InequalityAnswer:
        return answers.inequality()

    @app.get("/api/facts", summary="Every number with its source", responses=refusals)
    def facts(
        q: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> responses.FactsAnswer:
        return answers.facts(q, limit, offset)

    @app.get("/api/router", summary="What a running gateway saved", responses=refusals)
    async def router(days: Annotated[int, Query(ge=1, le=3650)] = 30) -> responses.RouterAnswer:
        return await answers.router(gateway, days)


def _pages(app: FastAPI) -> None:
    files = _static()

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        return _file(files, "index.html")

    @app.get("/{name:path}", include_in_schema=False)
    def asset(name: str) -> Response:
        return _file(files, name)


def _static() -> dict[str, bytes]:
    """The files of the page, read once; nothing else can be asked for."""
    found: dict[str, bytes] = {}
    root = resources.files("liebig.web").joinpath("static")
    if root.is_dir():
        for item in root.iterdir():
            if item.is_file():
                found[item.name] = item.read_bytes()
    return found


def _file(files: dict[str, bytes], name: str) -> Response:
    content = files.get(name)
    kind = _KINDS.get(Path(name).suffix)
    if content is None or kind is None:
        return _error("no such page; the questions are listed in /openapi.json", 404)
    return Response(content, media_type=kind, headers={"cache-control": "no-cache"})


def _errors(app: FastAPI) -> None:
    @app.exception_handler(LiebigError)
    def refused(_: Request, error: LiebigError) -> JSONResponse:
        return _error(str(error), 404 if isinstance(error, UnknownNameError) else 400)

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = sentences([{**e, "loc": e["loc"][1:]} for e in error.errors()[:10]], error.body)
        return _error("; ".join(problems), 422)

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        return _error(str(error.detail), error.status_code)


def guarded(app: FastAPI, hosts: Iterable[str] = (), password: str = "") -> App:
    """The application behind its guard."""
    return Guard(app, hosts, password)

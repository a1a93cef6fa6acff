"""The scoreboard: a page and a health check."""

import flask

import release

app = flask.Flask(__name__)


@app.get("/up")
def up():
    return f"up: {release.VERSION}\n"


@app.get("/")
def scores():
    return f"{release.SCORES}\n"

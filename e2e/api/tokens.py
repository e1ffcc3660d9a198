"""Schemathesis asks in the name of many bots in turn: one alone would soon be told to wait (HTTP 429)."""

import itertools
import os

import schemathesis

TOKENS = itertools.cycle(os.environ["PARTA_TOKENS"].split())


@schemathesis.auth(refresh_interval=None)
class Bots:
    """Another bot's token with each request."""

    def get(self, case, context):
        return next(TOKENS)

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_query(context, query):
    """Nobody waits for what does not come."""
    if query and str(query.get("wait")) in {str(seconds) for seconds in range(26)}:
        query["wait"] = 0
    return query

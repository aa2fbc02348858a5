# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""What a mutation is, and short ways to write the common ones."""

MUTATIONS = []


class Mutation:
    """One mistake: what it does to requests and to answers, and the checks that are run against it."""

    def __init__(self, name, what, checks, request=None, response=None, body=None, malformed=None):
        self.name, self.what, self.checks = name, what, checks
        self.on_request, self.on_response, self.on_body = request, response, body
        self.refuses_malformed = malformed
        self.memory = {}

    def wants_body(self, exchange):
        return bool(self.on_body and self.on_body(exchange))

    def request(self, exchange):
        if self.on_request:
            self.on_request(exchange, self.memory)

    def response(self, exchange):
        if self.on_response:
            self.on_response(exchange, self.memory)


def mutation(name, what, checks, **hooks):
    assert all(known.name != name for known in MUTATIONS), name
    MUTATIONS.append(Mutation(name, what, checks, **hooks))


def when(methods, kinds, statuses=None):
    """Whether an exchange has one of the methods and kinds, and its answer one of the statuses."""
    low, high = statuses or (0, 999)

    def test(exchange):
        return exchange.is_a(methods, kinds) and low <= exchange.status <= high

    return test


OK, BAD = (200, 299), (400, 499)


def answer(name, what, checks, test, change):
    """A mutation that changes the answers that pass a test."""

    def response(exchange, memory):
        if test(exchange) and not exchange.is_answered:
            change(exchange)

    mutation(name, what, checks, response=response)


def ask(name, what, checks, test, change, body=None):
    """A mutation that changes, or answers, the requests that pass a test."""

    def request(exchange, memory):
        if test(exchange):
            change(exchange)

    mutation(name, what, checks, request=request, body=body)


def status(to):
    def change(exchange):
        exchange.status = to

    return change


def refuse(to):
    """Answers with a status and a sound error body, the request unseen by the upstream."""

    def change(exchange):
        body = b'{"errors":[{"code":"UNSUPPORTED","message":"no"}]}'
        exchange.answers(to, [("Content-Type", "application/json")], body)

    return change


def accept(to, location=True):
    """Turns a refusal into an acceptance."""

    def change(exchange):
        exchange.becomes(to)
        if location:
            exchange.answer.set("Location", exchange.target.path + "/accepted")

    return change


def drop(header):
    def change(exchange):
        exchange.answer.drop(header)

    return change


def put(header, value):
    def change(exchange):
        exchange.answer.set(header, value)

    return change


def without(header):
    """Takes a header from the request."""

    def change(exchange):
        exchange.headers.drop(header)
        exchange.is_changed = True

    return change


def flip(exchange):
    """Another first byte; one byte where there was none."""
    content = exchange.content
    exchange.content = bytes([content[0] ^ 1]) + content[1:] if content else b"x"


def edit(change):
    """Changes the JSON of an answer in place."""

    def apply(exchange):
        value = exchange.json()
        change(value)
        exchange.set_json(value)

    return apply


def longer(exchange):
    exchange.content += b" "


def stray(exchange):
    exchange.stray = b"these bytes belong to no answer"


WRONG_DIGEST = "sha256:" + "5" * 64

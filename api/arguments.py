"""The words of the `gramme` command: what can be said, and what its help tells."""

import argparse
from pathlib import Path

from api.roles import Role
from api.story import STORIES
from domain.identity.service import GRANTED

PHONES = 10


def arguments_of_command() -> argparse.Namespace:
    """What the shell says; ends the process where it makes no sense."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.command == "demo" and arguments.picture and not arguments.story:
        parser.error("--picture draws a story: add --story year")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gramme",
        description="A personal carbon exchange. Settings are GRAMME_* variables; README.md lists them.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    run_parser = add(
        "run",
        "Serve the API, with a demo programme and simulated phones that live the whole journey. Starts the bundled "
        "Postgres and Valkey unless GRAMME_DATABASE_URL and GRAMME_REDIS_URL name others. Ctrl-C stops all of it.",
    )
    serve_parser = add(
        "serve",
        "Serve the API without the demo: migrates an empty or older database, loads the emission factors, creates "
        "the operator of GRAMME_OPERATOR_EMAIL and GRAMME_OPERATOR_PASSWORD where missing.",
    )
    serve_parser.add_argument(
        "--role",
        choices=[role.value for role in Role],
        default=Role.ALL.value,
        help="engine: only the writer, a second one waits to take over; api: only what people talk to, as many as "
        "wanted in front of one engine (default: %(default)s)",
    )
    demo_parser = add(
        "demo",
        "Simulated phones against any server; its operator is GRAMME_OPERATOR_EMAIL and GRAMME_OPERATOR_PASSWORD. "
        "With --story, one person's year instead, told with its charts and sums; it needs no operator.",
    )
    demo_parser.add_argument("--url", help="address of the server (default: http://GRAMME_HOST:GRAMME_PORT)")
    demo_parser.add_argument(
        "--story",
        choices=STORIES,
        help="tell a story, then exit with 0, or with 1 where its sums do not agree; without --url on a server of its "
        "own in a temporary folder",
    )
    demo_parser.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="with --story: draw its charts into this file as well"
    )
    for journey in (run_parser, demo_parser):
        journey.add_argument("--phones", type=_positive, default=PHONES, help="number of phones (default: %(default)s)")
        journey.add_argument(
            "--once", action="store_true", help="play one whole journey, then exit with 0, or with 1 and what failed"
        )
    add("migrate", "Bring the database to the newest tables, with the owner's login; loads nothing and serves nothing.")
    for name, does in (("grant", "Give a person who has signed up a role"), ("revoke", "Take a role from a person")):
        parser_of_roles = add(
            name,
            f"{does}, with the settings of the database; the same again changes nothing. A server that runs knows it "
            "within five seconds.",
        )
        roles = [role.value for role in GRANTED]
        parser_of_roles.add_argument("email", metavar="EMAIL")
        parser_of_roles.add_argument("granted", metavar="ROLE", choices=roles, help="%(choices)s")
    key_parser = add(
        "replace-key",
        "End a shop's API key that leaked or was lost, and print a new one for the same shop. A server that runs "
        "refuses the old one within five seconds.",
    )
    key_parser.add_argument("key", metavar="KEY", help="the key, or how it begins: gk_ and eight characters")
    add("audit", "Prove every invariant of the ledger from its rows; prints the figures, exits with 1 on any breach.")
    add(
        "replay",
        "Apply every stored command again from zero: the same trades, answers, balances and digest, or exit with 1 and "
        "the first difference.",
    )
    add("schema", "Print the GraphQL schema (SDL).")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)

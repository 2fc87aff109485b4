"""What the command line prints, and the exit code it ends with: 0 fine, 1 failed, 2 wrong usage."""

import asyncio
import functools
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from headwater.cli.hints import find_hint
from headwater.client import ClientError
from headwater.domain.errors import HeadwaterError

P = ParamSpec("P")

console = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)

FAILED = 1


class CommandFailedError(Exception):
    """The operation failed; ``hint`` says what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def print_json(value: object) -> None:
    """Print a value as JSON on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_line(value: object) -> None:
    """Print a value as one line of JSON, at once: the command goes on, and its reader waits."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def end_with(message: str, *, hint: str | None = None) -> NoReturn:
    """Print ``error:`` and ``hint:`` and end with exit code 1."""
    stderr.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if hint:
        stderr.print(f"[bold]hint:[/] {escape(hint)}", soft_wrap=True)
    raise typer.Exit(FAILED)


def run_async(command: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Turn a coroutine function into a command; its expected errors end with exit code 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with ending_on_errors():
            asyncio.run(command(*args, **kwargs))

    return run


@contextmanager
def ending_on_errors() -> Iterator[None]:
    """End the command with exit code 1, ``error:`` and ``hint:`` on errors raised on purpose."""
    try:
        yield
    except CommandFailedError as error:
        end_with(str(error), hint=error.hint)
    except ClientError as error:
        end_with(str(error), hint=find_hint(error))
    except HeadwaterError as error:
        end_with(str(error), hint="headwater doctor checks every part and setting")

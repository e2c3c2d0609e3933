"""The command line: parse, call, show. One command per file; heavy imports wait until a command runs."""

import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, TextIO

import typer
from typer.exceptions import TyperException

from didan import __version__
from didan.cli.adapt import adapt
from didan.cli.benchmark import benchmark
from didan.cli.corpora import corpora
from didan.cli.demo import demo
from didan.cli.evaluate import evaluate
from didan.cli.explain import explain
from didan.cli.export import export
from didan.cli.features import features
from didan.cli.inspect import inspect
from didan.cli.listen import listen
from didan.cli.models import models
from didan.cli.output import (
    Level,
    complain,
    give_up_output,
    is_said,
    prepare_streams,
    refused_by_the_system,
    say_from,
    warn,
)
from didan.cli.predict import predict
from didan.cli.report import report
from didan.cli.serve import serve
from didan.cli.train import train
from didan.errors import DidanWarning, UserError
from didan.extras import install_command

_WRONG, _INTERRUPTED = 2, 130  # the latter is what shells and typer make of Ctrl-C

_EXIT_CODES = """\
Exit codes: 0 done; 1 a fault of didan; 2 what was given is wrong, or recordings could not be read and everything \
else is done; 130 interrupted by Ctrl-C."""


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"didan {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="didan",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo,
    corpora,
    models,
    inspect,
    features,
    train,
    evaluate,
    predict,
    listen,
    adapt,
    explain,
    export,
    serve,
    benchmark,
    report,
):
    app.command()(command)


@app.callback(epilog=_EXIT_CODES)
def didan(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="The same as --log-level error.")] = False,
    log_level: Annotated[
        Level,
        typer.Option(
            "--log-level",
            help="What to say on standard error: errors alone, notes too (warning), what is done and its progress "
            "too (info), or what libraries warn of and where errors come from too (debug).",
        ),
    ] = Level.info,
) -> None:
    """Recognise emotions in speech: learn from a labelled corpus, adapt to recordings nobody has labelled."""
    say_from(Level.error if quiet else log_level)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process: 0 done, 2 the input is wrong, 1 a fault of ours, 130 Ctrl-C."""
    warnings.showwarning = _show_warning
    prepare_streams()
    code = run(arguments)
    try:
        sys.stdout.flush()
    except OSError:  # of what was printed before an error there is no need to complain
        give_up_output()
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; an error is one line on standard error."""
    try:
        code = app(list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.stdout.flush()
    except (UserError, TyperException) as error:
        if is_said(Level.debug):
            traceback.print_exc()
        code = _INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else _WRONG
        return _complain(error.format_message() if isinstance(error, TyperException) else str(error), code)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", _INTERRUPTED)
    except BrokenPipeError:  # the reader, `head` for instance, has seen enough
        give_up_output()
        return 0
    except SystemExit as end:  # typer's of the same
        if isinstance(end.__context__, BrokenPipeError):
            give_up_output()
            return 0
        raise
    except ModuleNotFoundError as error:  # installed without dependencies, to predict with exported models alone
        library = (error.name or "a library").partition(".")[0]
        return _complain(f"this needs {library}, which is not installed; {install_command()}", _WRONG)
    except Exception as error:
        if refused := refused_by_the_system(error):
            return _complain(str(refused), _WRONG)
        traceback.print_exc()
        complain("didan: this is a fault of didan, not yours; please report the lines above")
        return 1
    if code == _INTERRUPTED:
        return _complain("interrupted", _INTERRUPTED)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    complain(f"didan: {' '.join(message.split())}")
    return code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A remark for the user in one line; what libraries warn programmers about is none."""
    if issubclass(category, DidanWarning):
        warn(str(message))
    elif is_said(Level.debug):
        complain(warnings.formatwarning(message, category, filename, lineno, line))

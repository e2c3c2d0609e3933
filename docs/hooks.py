"""What the site needs beyond its plugins: a page of commands; roles in docstrings, ``:func:`name```, as links."""

import re
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

from didan.cli import app

COMMANDS = "reference/commands.md"
_ROLE = re.compile(r":(?:func|class|meth|mod|data|attr):<code>~?([^<]+)</code>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of commands, which is made of the commands."""
    files.append(File.generated(config, COMMANDS, content=commands_page()))
    return files


_NOT_SHOWN = (
    r"^\*\*Options\*\*:\n\n\* `--help`: .*\n\n",
    r"^\* `--help`: .*\n",
    r"^\*\*Commands\*\*:\n\n(\* .*\n)+\n",  # cut short, and the contents of the page have them
    r"(?<=[A-Z.]) <.+?>(?=`)",  # types of what has a name
    r"(?<=\.{3})\}?\.{3}",
    r"[{}]",
)


def commands_page() -> str:
    """Every command with its arguments and options."""
    program = typer.main.get_command(app)
    context = typer.Context(program, info_name="didan")
    page = get_docs_for_click(obj=program, ctx=context, name="didan", title="Commands")
    return re.sub("|".join(_NOT_SHOWN), "", page, flags=re.MULTILINE)


def on_page_content(html: str, **_: Any) -> str:
    """Take the roles out; a name that the page itself explains is linked to."""

    def plain(match: re.Match[str]) -> str:
        name = match[1]
        anchors = [anchor for anchor in re.findall(r'id="([\w.]+)"', html) if anchor.endswith(f".{name}")]
        target = name if f'id="{name}"' in html else anchors[0] if len(anchors) == 1 else None
        return f'<a href="#{target}"><code>{name}</code></a>' if target else f"<code>{name}</code>"

    return _ROLE.sub(plain, html)

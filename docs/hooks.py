"""What the site needs beyond its plugins: roles in docstrings, ``:func:`name```, become links or plain code."""

import re
from typing import Any

_ROLE = re.compile(r":(?:func|class|meth|mod|data|attr):<code>~?([^<]+)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """Take the roles out; a name that the page itself explains is linked to."""

    def plain(match: re.Match[str]) -> str:
        name = match[1]
        anchors = [anchor for anchor in re.findall(r'id="([\w.]+)"', html) if anchor.endswith(f".{name}")]
        target = name if f'id="{name}"' in html else anchors[0] if len(anchors) == 1 else None
        return f'<a href="#{target}"><code>{name}</code></a>' if target else f"<code>{name}</code>"

    return _ROLE.sub(plain, html)

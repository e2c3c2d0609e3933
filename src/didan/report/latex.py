"""Tables of text as LaTeX, for a paper. They need the packages booktabs and adjustbox."""

import re

import pandas as pd

_ESCAPED = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": "$<$",
        ">": "$>$",
        "±": r"$\pm$",
        "−": "$-$",
        "→": r"$\to$",
        "–": "--",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
    }
)

_FEW = 4
"""Columns that fit one column of a page."""


def latex(table: pd.DataFrame, caption: str, label: str, words: int = 0) -> str:
    r"""A table of text as a floating table, no wider than the column, or, with many columns, than the page.

    Args:
        table: text; ``**`` is bold, and what follows the first ``[`` goes to a smaller second line.
        caption: above it.
        label: for references.
        words: how many columns after the first hold words, to the left.

    >>> table = pd.DataFrame({"a → b": ["**50.1** ± 2 [47, 53]"]}, index=pd.Index(["x_y"], name="UAR in %"))
    >>> print(latex(table, "UAR", "tab:uar"))
    % \usepackage{booktabs, adjustbox}
    \begin{table}[tbp]
    \centering
    \caption{UAR}
    \label{tab:uar}
    \begin{adjustbox}{max width=\linewidth}
    \begin{tabular}{lr}
    \toprule
    UAR in \% & a $\to$ b \\
    \midrule
    x\_y & \shortstack[r]{\textbf{50.1} $\pm$ 2\\ \scriptsize [47, 53]} \\
    \bottomrule
    \end{tabular}
    \end{adjustbox}
    \end{table}
    <BLANKLINE>
    """
    shown = table.reset_index().map(_cell).rename(columns=_text)
    columns = "l" * (1 + words) + "r" * (table.shape[1] - words)
    text = (
        shown.style.hide(axis="index")
        .set_table_styles([])
        .to_latex(
            hrules=True,
            column_format=columns,
            caption=_text(caption),
            label=label,
            position="tbp",
            position_float="centering",
            environment="table*" if table.shape[1] > _FEW else "table",
        )
    )
    text = text.replace(r"\begin{tabular}", "\\begin{adjustbox}{max width=\\linewidth}\n\\begin{tabular}")
    text = text.replace(r"\end{tabular}", "\\end{tabular}\n\\end{adjustbox}")
    return f"% \\usepackage{{booktabs, adjustbox}}\n{text}"


def _cell(entry: object) -> str:
    value, bracket, rest = str(entry).partition(" [")
    return f"\\shortstack[r]{{{_text(value)}\\\\ \\scriptsize [{_text(rest)}}}" if bracket else _text(entry)


def _text(entry: object) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"\\textbf{\1}", str(entry).translate(_ESCAPED))

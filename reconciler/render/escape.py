"""What makes a stranger's text safe in each kind of output.

Names, descriptions and messages come from manifests and registries that others write. A terminal obeys escape
sequences, a reader trusts the order of what is shown, a pull request notifies whoever is mentioned, and the runner of a
pipeline obeys commands that stand in a log: so every value passes through here on its way out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from reconciler.core.late_pattern import late_pattern

# What a terminal obeys or a reader cannot see: C0, DEL, C1, soft hyphen, marks that reorder text (U+061C,
# U+200E-200F, U+202A-202E, U+2066-2069), zero widths, line and paragraph separators, the byte order mark,
# annotations, tags, and surrogates, which no output can encode.
_HIDDEN: Final = (
    r"\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e00ff"
)
_UNSAFE: Final = rf"[\x00-\x1f{_HIDDEN}]"
_UNSAFE_IN_JSON: Final = f"[{_HIDDEN}]"  # json.dumps itself escapes C0
_NOT_XML: Final = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_XML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})
_MARKDOWN: Final = str.maketrans(
    {
        **{mark: "\\" + mark for mark in "\\`*_[]|~$"},
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        # nobody is mentioned and no issue is linked: the digit or name no longer follows the sign
        "@": "@&#8203;",
        "#": "#&#8203;",
    }
)
# What the runners of pipelines obey in a line: GitHub's `::command ...::` (at its beginning, blanks aside) and `##[command]`,
# Azure's `##vso[` and `##[`, TeamCity's `##teamcity[`, GitLab's `section_start:`, Travis' `travis_fold:`. The last character
# of each marker is its second group.
_SIGNS: Final = ("::", "##", "section_", "travis_")
_COMMAND: Final = (
    r"(?m)(:):(?=[A-Za-z][^\n]{0,2000}?::)|(^(?:[^\S\n]|\x1b\[[0-9;]*m)*:):(?=[A-Za-z])|(\#\#[A-Za-z]{0,20})\["
    r"|((?:[Ss][Ee][Cc][Tt][Ii][Oo][Nn]_(?:[Ss][Tt][Aa][Rr][Tt]|[Ee][Nn][Dd])|travis_(?:fold|time))):"
)
_COMMAND_IN_JSON: Final = r"(:):(?=[A-Za-z])|" + _COMMAND.partition("|")[2]
# What GitHub and GitLab make a link or a picture of in the text that is left once Markdown is read, where no backslash helps:
# GitLab's merge requests, snippets, epics, milestones and labels, emoji, GitHub's older issues, and commits of both.
_REFERENCE: Final = late_pattern(
    r"[!$&^](?=\d)|[%~](?=[\w\"])|:(?=[\w+-]+:)|\bGH-(?=\d)|\b[0-9a-f](?=[0-9a-f]{6,39}\b)"
)
_BEGINS_BLOCK: Final = late_pattern(r"^ *(?:[-+=](?=[-+= ]|$)|\d{1,9}[.)](?= |$))")
_PARTED: Final = "\x02"  # stands for a sign without width until all else is escaped
_BARE_LINK: Final = late_pattern(r"://|\bwww\.", re.IGNORECASE)
_BACKTICKS: Final = late_pattern("`+")
_MARKS: Final = late_pattern(r"[^\w\s/,-]|_", re.ASCII)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Sets of this size take milliseconds to compile, and most runs need none of them."""
    return re.compile(pattern)


def printable(text: str) -> str:
    """`text` on one line, with everything unseen made visible (`\\x1b`, `\\n`, `\\u202e`), and no command in it (`:\\x3a`)."""
    return without_commands(text if text.isprintable() else _compiled(_UNSAFE).sub(_visible, text))


def without_commands(text: str) -> str:
    """`text` without what a pipeline's runner obeys: the last character of each marker as an escape, `:\\x3a` or `##\\x5b`.

    For one value, and for all that is printed: two values may make a command together.
    """
    return _broken(text, _COMMAND, lambda char: f"\\x{ord(char):02x}")


def _broken(text: str, pattern: str, escape: Callable[[str], str]) -> str:
    if not any(sign in text for sign in _SIGNS) and "section_" not in text.lower():
        return text
    return _compiled(pattern).sub(lambda found: found[0][:-1] + escape(found[0][-1]), text)


def json_text(text: str) -> str:
    """JSON text with what is unseen in its strings, and each marker of a command, as JSON escapes. Its meaning stays the same."""
    # a marker stands in a string, since no JSON has one outside
    return _broken(
        _compiled(_UNSAFE_IN_JSON).sub(_json_escape, text), _COMMAND_IN_JSON, lambda char: f"\\u{ord(char):04x}"
    )


def xml(text: str) -> str:
    """Text for XML, in an element or an attribute; what XML cannot hold is gone. Newlines stay."""
    return _broken(_compiled(_NOT_XML).sub("", text).translate(_XML), _COMMAND, lambda char: f"&#{ord(char)};")


def html(text: str) -> str:
    """Text for HTML, in an element or a quoted attribute: on one line, with everything unseen made visible, and no command in it."""
    shown = text if text.isprintable() else _compiled(_UNSAFE).sub(_visible, text)
    return _broken(shown.translate(_XML), _COMMAND, lambda char: f"&#{ord(char)};")


def annotation(text: str) -> str:
    """The message of a GitHub annotation. Its line breaks stay line breaks."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "%0A".join(printable(line).replace("%", "%25") for line in lines)


def annotation_property(text: str) -> str:
    """A property of a GitHub annotation, where `:` and `,` mean something too."""
    return annotation(text).replace(":", "%3A").replace(",", "%2C")


def markdown(text: str) -> str:
    """Prose for Markdown, also inside a table: no link, no mention, no HTML, no cell of its own."""
    plain = _REFERENCE.sub(lambda found: found[0] + _PARTED, printable(text))
    plain = _BEGINS_BLOCK.sub(lambda found: f"{_PARTED}{found[0]}", plain)
    unlinked = _BARE_LINK.sub(lambda found: found[0].replace(":", "\x00").replace(".", "\x01"), plain)
    return unlinked.translate(_MARKDOWN).replace("\x00", "&#58;").replace("\x01", "&#46;").replace(_PARTED, "&#8203;")


def markdown_code(text: str, *, table: bool = False) -> str:
    """Code in Markdown: a span, in which only backticks mean anything, or HTML where a table would split it, or a reader is no renderer."""
    shown = printable(text)
    if not shown.strip():
        return "*(empty)*"
    if "<" in shown or "@" in shown or (table and ("|" in shown or "\\" in shown)):
        # renderers disagree on what `\\|` is in a span, and on how many cells it makes; mails and chats show a span's text as it is
        return html_code(text)
    ticks = fence(shown, 1)
    padding = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{padding}{shown}{padding}{ticks}"


def html_code(text: str) -> str:
    """Code as HTML, with every mark as an entity: it means the same whether Markdown is read there or not."""
    return f"<code>{_MARKS.sub(lambda found: f'&#{ord(found[0])};', printable(text))}</code>"


def fence(text: str, at_least: int) -> str:
    """Backticks that `text` cannot close: more of them than it has in a row."""
    return "`" * max([at_least, *(len(run) + 1 for run in _BACKTICKS.findall(text))])


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in _SHORT:
        return _SHORT[found[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    offset = code - 0x10000
    return f"\\u{0xD800 + (offset >> 10):04x}\\u{0xDC00 + (offset & 0x3FF):04x}"

"""A machine's leases over time, as markup."""

from typing import Final

from markupsafe import Markup

from orchestrator.web.looks import span
from orchestrator.web.markup import told
from orchestrator.web.usage import Block, Usage

#: where a sign stands in a block, besides its colour
_SIGNS: Final = {"failed": 1, "broken": 8}
#: percents of the width beyond which a time would be cut off
_LAST: Final = 94
_SHORT: Final = frozenset({"hour", "day"})


def leases(used: Usage, name: str, axis: bool = False) -> Markup:  # noqa: FBT001, FBT002
    """Return the picture; with `axis` the times stand below it."""
    many = "" if used.leases == 1 else "s"
    blocks = "".join(map(_block, used.blocks))
    ticks = "".join(_tick(x, f"{at:{_form(used.span)}}") for x, at in used.ticks) if axis else ""
    return Markup(  # noqa: S704  # escaped by `told`
        f'<svg class="usage" width="100%" height="{40 if axis else 16}" role="img"'
        f' aria-label="{told(name)} was in use {share(used.busy)} of the last {told(used.span)},'
        f' {used.leases} lease{many}"><rect class="ground" x="0" y="1" width="100%" height="14"/>'
        f"{blocks}{ticks}</svg>"
    )


def share(busy: float) -> str:
    """Return a share in percent; with a tenth where it is small."""
    return f"{busy * 100:.{0 if busy >= 0.1 or not busy else 1}f} %"


def _block(block: Block) -> str:
    kind, place = told(block.kind), f'x="{block.x}%" width="{block.width}%"'
    top = _SIGNS.get(block.kind)
    sign = f'<rect class="sign" {place} y="{top}" height="7"/>' if top else ""
    return (
        f'<g class="is-{kind}"><title>{told(block.attempt)}: {kind}, {span(block.seconds)}</title>'
        f'<rect class="block" {place} y="1" height="14"/>{sign}</g>'
    )


def _form(name: str) -> str:
    return "%H:%M" if name in _SHORT else "%d %b"


def _tick(x: float, words: str) -> str:
    text = f'<text x="{x}%" y="35" dx="2">{words}</text>' if x < _LAST else ""
    return f'<line x1="{x}%" x2="{x}%" y1="17" y2="22"/>{text}'

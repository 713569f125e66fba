"""How a report looks, in light and in dark; its signs say the same without colours."""

import base64
import hashlib
from typing import Final

CSS: Final = """
:root {
  color-scheme: light dark;
  --old: #8a3800; --new: #00529b; --dim: #666; --line: #ccc; --head: #f3f3f3;
}
@media (prefers-color-scheme: dark) {
  :root { --old: #ffb27a; --new: #8cc8ff; --dim: #aaa; --line: #555; --head: #2a2a2a; }
}
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
code, pre, td { font-family: ui-monospace, monospace; font-size: 13px; }
code, td, del, ins, .name { unicode-bidi: isolate; }
pre { overflow-x: auto; border-left: 3px solid var(--line); padding-left: .8em; white-space: pre-wrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .2em .5em; text-align: left; vertical-align: top; }
th { background: var(--head); }
td { white-space: pre-wrap; overflow-wrap: anywhere; min-width: 3em; max-width: 40em; }
td.number { text-align: right; }
.removed .mark, del { color: var(--old); font-weight: bold; }
.added .mark, ins { color: var(--new); font-weight: bold; }
del { text-decoration: line-through; }
ins { text-decoration: underline; }
.mark { font-weight: bold; }
.absent, .dim { color: var(--dim); font-style: italic; }
""".strip()

_DIGEST = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()

POLICY: Final = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
"""What a browser may load for the report: this style and nothing else."""

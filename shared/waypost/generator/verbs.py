"""The verb of a command from the past tense of its event: `dispatched` → `dispatch`."""

import re

IRREGULAR = {
    "added": "add",
    "begun": "begin",
    "bought": "buy",
    "built": "build",
    "cancelled": "cancel",
    "chosen": "choose",
    "created": "create",
    "deleted": "delete",
    "completed": "complete",
    "done": "do",
    "drawn": "draw",
    "found": "find",
    "given": "give",
    "held": "hold",
    "invited": "invite",
    "left": "leave",
    "lost": "lose",
    "made": "make",
    "paid": "pay",
    "put": "put",
    "restored": "restore",
    "sent": "send",
    "set": "set",
    "shared": "share",
    "sold": "sell",
    "stored": "store",
    "taken": "take",
    "told": "tell",
    "withdrawn": "withdraw",
    "written": "write",
}
DOUBLED = re.compile(r"([bdgmnprt])\1$")
"""`shipped` → `ship`; but `billed` → `bill`, `processed` → `process`."""
SILENT_E = re.compile(
    r"([uv]|[^s]s|[cz]|[^aeo]g|ag|eg|[^aeioul]l|ul|[^aeiou]r|[^e]at|[^o]ot|ut|[^o]id|[^ao]ad|[^o]ok|ik|am|um|ap|yp|[^aeo]in|ir|ur|[^e]ar)$"
)
"""Stems that have lost an `e`: `placed`, `issued`, `closed`, `changed`, `scheduled`, `updated`."""


def verb_of(past_tense: str) -> str:
    """The usual spelling; `--verb` names another. Other words follow the verb: `line_added` →
    `add_line`, `checked_in` → `check_in`.
    """
    words = past_tense.split("_")
    verbs = [each for each in words if each in IRREGULAR or each.endswith("ed")]
    verb = verbs[-1] if verbs else words[-1]
    words.remove(verb)
    return "_".join([_verb(verb), *words])


def _verb(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if not word.endswith("ed"):
        return word
    stem = word.removesuffix("ed")
    if stem.endswith("i"):
        return f"{stem[:-1]}y"
    if DOUBLED.search(stem):
        return stem[:-1]
    return f"{stem}e" if SILENT_E.search(stem) else stem

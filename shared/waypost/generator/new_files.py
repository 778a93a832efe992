"""Writes files from templates."""

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template

from waypost.generator.termination import signals_held, termination_raises
from waypost.kernel.errors import Invalid

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".template"
HIDDEN = {"gitignore": ".gitignore"}
PACKAGE = "__init__.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    path: Path
    text: str

    @property
    def is_shared(self) -> bool:
        """An empty package file, which several services of the project have in common."""
        return self.path.name == PACKAGE and not self.text


def rendered(kind: str, into: Path, words: Mapping[str, str], places: Mapping[str, str]) -> Iterator[NewFile]:
    """The files of one kind of template. `words` replace `$name` in texts, `places` the words in
    capitals in paths.
    """
    root = TEMPLATES / kind
    for template in sorted(root.rglob(f"*{SUFFIX}")):
        relative = str(template.relative_to(root)).removesuffix(SUFFIX)
        for word in sorted(places, key=len, reverse=True):  # SERVICES before SERVICE
            relative = relative.replace(word, places[word])
        text = Template(template.read_text(encoding="utf-8")).substitute(words)
        yield NewFile(path=into / HIDDEN.get(relative, relative), text=text)


def write_new(files: Iterable[NewFile]) -> list[Path]:
    """Writes all files or none. Raises Invalid, before anything is written, if a file exists
    already.
    """
    ordered = sorted(files, key=lambda each: each.path)
    if taken := [str(each.path) for each in ordered if each.path.exists() and not each.is_shared]:
        listed = "\n  ".join(taken)
        raise Invalid(f"nothing was written, because these files exist:\n  {listed}\nChoose another name, or move them")
    new = [each for each in ordered if not each.path.exists()]
    for each in new:
        each.path.parent.mkdir(parents=True, exist_ok=True)
        each.path.write_text(each.text, encoding="utf-8")
    return [each.path for each in new]


@contextmanager
def all_or_nothing(new: Iterable[Path], folder: Path) -> Iterator[None]:
    """If the block raises or a signal ends it, removes the new files and their new folders, and
    restores each file of `folder`.
    """
    missing = {path for file in new for path in (file, *file.parents) if not path.exists()}
    present = {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    with termination_raises():
        try:
            yield
        except BaseException:
            with signals_held():
                _restore(missing, present, folder)
            raise


def _restore(missing: Set[Path], present: Mapping[Path, bytes | None], folder: Path) -> None:
    for path in sorted({*missing, *folder.rglob("*")} - present.keys(), reverse=True):  # files before their folder
        _remove(path)
    for path, content in present.items():
        if content is not None and path.read_bytes() != content:
            path.write_bytes(content)


def _remove(path: Path) -> None:
    if path.is_dir():
        with suppress(OSError):  # another program wrote a file into it
            path.rmdir()
    else:
        path.unlink(missing_ok=True)

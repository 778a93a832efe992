"""The pages of `docs/guide`, and those that are followed as guides."""

from infra.stack.places import CHECKOUT

PAGES = sorted((CHECKOUT / "docs" / "guide").glob("*.md"))
GUIDES = [page for page in PAGES if page.stem != "README"]

"""The pages of `docs/guide`, and the guides among them, which a test follows."""

from infra.stack.places import CHECKOUT

PAGES = sorted((CHECKOUT / "docs" / "guide").glob("*.md"))
GUIDES = [page for page in PAGES if page.stem != "README"]

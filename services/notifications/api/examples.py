"""Values of fields by their names, for the examples of the OpenAPI document."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, object] = {
    "channel": "email",
    "html": "<p>Your invoice is paid.</p>",
    "subject": "Your invoice 17",
    "subject_type": "invoice",
    "text": "Your invoice is paid.",
}

"""Recipients of notifications, from the users topic."""

from schemas.users import (
    UserCreated,
    UserEmailChanged,
    UserEmailVerified,
    UserErased,
    UserProfileUpdated,
)
from services.notifications.tables import recipients
from waypost.engine.row_per_aggregate import change, put, row_per_aggregate

RECIPIENT_DIRECTORY = row_per_aggregate(
    "recipients",
    recipients,
    {
        UserCreated: put(
            lambda event: {
                "email": event.email,
                "display_name": event.display_name,
                "locale": event.locale,
                "status": "unverified",
            }
        ),
        UserProfileUpdated: change(lambda event: {"display_name": event.display_name, "locale": event.locale}),
        UserEmailChanged: change(lambda event: {"email": event.email, "status": "unverified"}),
        UserEmailVerified: change(lambda event: {"status": "verified"}),
        UserErased: change(lambda event: {"email": "", "display_name": "", "locale": "", "status": "erased"}),
    },
)

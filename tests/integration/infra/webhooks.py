"""A receiver of the provider's webhooks."""

import json
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response

SECRET = "whsec_of_the_tests"


@dataclass
class Receiver:
    """Accepts webhooks after refusing the first few."""

    refusals: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/webhooks/payments")
        async def take(request: Request) -> Response:
            body = await request.body()
            if len(self.refused) < self.refusals:
                self.refused.append(body)
                return Response(status_code=503)
            self.taken.append((request.headers["waypost-signature"], body))
            return Response(status_code=204)

        return app

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.taken]

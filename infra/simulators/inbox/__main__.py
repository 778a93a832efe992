from infra.serving import serve
from infra.simulators.inbox.app import create_app
from infra.simulators.inbox.settings import InboxSettings

if __name__ == "__main__":
    settings = InboxSettings()
    serve(create_app(settings), settings)

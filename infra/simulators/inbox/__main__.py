from infra.http_process import serve
from infra.simulators.inbox.app import create_app
from infra.simulators.inbox.settings import InboxSettings

if __name__ == "__main__":
    serve(InboxSettings, create_app)

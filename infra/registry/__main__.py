from infra.http_process import serve
from infra.registry.app import create_app
from infra.registry.settings import RegistrySettings

if __name__ == "__main__":
    serve(RegistrySettings, create_app)

from infra.registry.app import create_app
from infra.registry.settings import RegistrySettings
from infra.serving import serve

if __name__ == "__main__":
    serve(RegistrySettings, create_app)

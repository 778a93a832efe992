from infra.registry.app import create_app
from infra.registry.catalog import read_catalog
from infra.registry.settings import RegistrySettings
from infra.serving import serve

if __name__ == "__main__":
    settings = RegistrySettings()
    serve(create_app(read_catalog(settings.schemas_directory)), settings)

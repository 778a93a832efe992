from services.users.app import SERVICE
from shared.hosting.main import run

run(SERVICE)

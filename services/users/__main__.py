from services.users.app import SERVICE
from waypost.hosting.main import run

run(SERVICE)

from services.billing.app import SERVICE
from waypost.hosting.main import run

run(SERVICE)
